import { Rtnl, writeSysctl } from "@netloom/netlink";
import type { Lab } from "./lab.ts";

/** A machine on a segment. */
export interface SegmentHost {
  /** Its namespace. */
  readonly name: string;
  /** Of both families, with their lengths. A link-local one is there anyway. */
  readonly addresses: readonly string[];
  /** Its device, where that is to be called otherwise than the others': one that is on several segments. */
  readonly device?: string;
}

/** Machines on one switch, whose cables can fail the way that nobody is told of. */
export interface Segment {
  /** The device that each host has on it, unless it has one of its own. */
  readonly device: string;
  /** Nothing passes to or from the host any more; its carrier, and everybody else's, stays up. */
  cut(host: string): void;
  heal(host: string): void;
  /** Of the host's device, e.g. `fe80::1`. */
  linkLocal(host: string): string;
}

/**
 * A switch in a namespace of its own, and a cable from it to each host. Addresses can be used at once: nobody looks for
 * duplicates.
 *
 * @param options - `name`: of the switch and its namespace; `device`: of the hosts.
 */
export function makeSegment(
  lab: Lab,
  hosts: readonly SegmentHost[],
  { name = "segment", device = "eth0" }: { readonly name?: string; readonly device?: string } = {},
): Segment {
  const netns = lab.namespace(name);
  using rtnl = Rtnl.open({ netns });
  rtnl.links.create({ kind: "bridge", name: "switch", up: true, multicastSnooping: false });
  for (const host of hosts) plugIn(rtnl, lab, { device, ...host });
  const change = (port: string, master: string | null): void => {
    using rtnl = Rtnl.open({ netns });
    rtnl.links.set(port, { master });
  };
  return {
    device,
    // The port leaves the switch: its cable stays up on both ends, and ends in nothing.
    cut: (host) => change(host, null),
    heal: (host) => change(host, "switch"),
    linkLocal: (host) => linkLocalOf(lab, host, hosts.find(({ name }) => name === host)?.device ?? device),
  };
}

function plugIn(fabric: Rtnl, lab: Lab, { name, addresses, device }: Required<SegmentHost>): void {
  const netns = lab.namespace(name);
  // Either of the two would make new addresses wait.
  for (const scope of ["all", "default"]) writeSysctl(netns, `net.ipv6.conf.${scope}.accept_dad`, 0);
  fabric.links.create({
    kind: "veth",
    name,
    up: true,
    master: "switch",
    peer: { name: device, netns, up: true },
  });
  using inside = Rtnl.open({ netns });
  for (const address of addresses) inside.addresses.add({ device, address });
  awaitAddresses(inside, device);
}

/** Nobody looks for duplicates, but the kernel clears an address of the suspicion from a work queue, at its leisure. */
function awaitAddresses(rtnl: Rtnl, device: string): void {
  const deadline = performance.now() + 10_000;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const addresses = rtnl.addresses.list({ family: 6, device });
    if (addresses.length > 0 && addresses.every(({ tentative }) => !tentative)) return;
    if (performance.now() > deadline) throw new Error(`addresses of ${device} stay tentative`);
    Atomics.wait(pause, 0, 0, 2);
  }
}

function linkLocalOf(lab: Lab, host: string, device: string): string {
  using rtnl = Rtnl.open({ netns: lab.namespace(host) });
  const found = rtnl.addresses.list({ family: 6, device }).find(({ address }) => address.startsWith("fe80:"));
  if (found === undefined) throw new Error(`${device} of ${host} has no link-local address`);
  return found.address.replace(/\/\d+$/, "");
}
