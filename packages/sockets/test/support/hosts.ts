import { execFileSync } from "node:child_process";
import { Rtnl } from "@netloom/netlink";
import { scratchNamespace } from "../../../netlink/test/support/kernel.ts";

export interface Host {
  readonly name: string;
  /** Path of its namespace. */
  readonly netns: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** Of `eth0`, without zone. */
  readonly linkLocal: string;
}

/** Two hosts, each with an `eth0` on the same cable; gone after the test. */
export function twoHosts(): readonly [Host, Host] {
  const namespaces = [scratchNamespace(), scratchNamespace()] as const;
  const [first, second] = namespaces;
  using rtnl = Rtnl.open({ netns: first });
  rtnl.links.create({
    kind: "veth",
    name: "eth0",
    up: true,
    peer: { name: "eth0", netns: second, up: true },
  });
  const hosts = namespaces.map((netns, at): Host => {
    const [ipv4, ipv6, linkLocal] = [`10.9.0.${at + 1}`, `fd09::${at + 1}`, `fe80::${at + 1}`];
    using inside = Rtnl.open({ netns });
    inside.links.set("lo", { up: true });
    inside.addresses.add({ device: "eth0", address: `${ipv4}/24` });
    // No duplicate address detection: it would keep the address from being used for a second or two.
    for (const address of [ipv6, linkLocal])
      execFileSync("ip", ["-n", netns.name, "addr", "add", `${address}/64`, "dev", "eth0", "nodad"]);
    return { name: netns.name, netns: `/run/netns/${netns.name}`, ipv4, ipv6, linkLocal };
  });
  return [hosts[0] as Host, hosts[1] as Host];
}

/** Runs ip(8) in a host. */
export function ip(host: Host, ...args: string[]): void {
  execFileSync("ip", ["-n", host.name, ...args]);
}
