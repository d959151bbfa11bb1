import type { Lab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";

export const ROUTER = { address: "10.99.0.2", asn: 65_000 };
export const GENERATOR = { address: "10.99.0.1", asn: 65_001 };
export const SINK = { address: "10.99.0.3", asn: 65_002 };

/** Two namespaces and a cable: the router, and whoever talks with it. */
export function makeScene(lab: Lab, crowd: number): void {
  const [router, outside] = [lab.namespace("router"), lab.namespace("outside")];
  using rtnl = Rtnl.open({ netns: router });
  const peer = { name: "eth0", netns: outside, up: true };
  rtnl.links.create({ kind: "veth", name: "eth0", up: true, peer });
  rtnl.addresses.add({ device: "eth0", address: `${ROUTER.address}/16` });
  using beyond = Rtnl.open({ netns: outside });
  for (const { address } of [GENERATOR, SINK])
    beyond.addresses.add({ device: "eth0", address: `${address}/16` });
  for (let index = 0; index < crowd; index++) {
    const address = `10.99.${100 + Math.floor(index / 250)}.${1 + (index % 250)}/16`;
    beyond.addresses.add({ device: "eth0", address });
  }
}
