import { Rtnl } from "@netloom/netlink";
import type { Lab } from "./lab.ts";

/** A machine on the fabric: a namespace with an `eth0`. */
export interface FabricHost {
  readonly name: string;
  /** Of `eth0`, with its length, e.g. `192.168.50.1/24`. */
  readonly address: string;
}

/** A switch in a namespace of its own, and a cable from it to each host's `eth0`. */
export function makeFabric(lab: Lab, hosts: readonly FabricHost[], mtu = 1500): void {
  const fabric = lab.namespace("fabric");
  using rtnl = Rtnl.open({ netns: fabric });
  rtnl.links.create({ kind: "bridge", name: "switch", up: true, mtu });
  for (const { name, address } of hosts) {
    const netns = lab.namespace(name);
    const peer = { name: "eth0", netns, mtu };
    rtnl.links.create({ kind: "veth", name, up: true, master: "switch", mtu, peer });
    using inside = Rtnl.open({ netns });
    inside.links.set("eth0", { up: true });
    inside.addresses.add({ device: "eth0", address });
  }
}
