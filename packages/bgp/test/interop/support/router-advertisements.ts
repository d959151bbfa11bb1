import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";

/** Tells everybody on the segment of a router in this namespace: FRR's zebra can, and does nothing else here. */
export function announceAsRouter(lab: Lab, name: string): void {
  const directory = lab.directory(`${name}-zebra`);
  const file = join(directory, "zebra.conf");
  writeFileSync(file, "interface eth0\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval msec 1000\n");
  // It runs as frr.
  execFileSync("chown", ["-R", "frr:frr", directory]);
  const paths = [
    "-f",
    file,
    "-i",
    join(directory, "pid"),
    "--vty_socket",
    directory,
    "-z",
    join(directory, "zserv"),
  ];
  lab.spawn(name, "/usr/lib/frr/zebra", [...paths, "-P", "0"], { stdio: "ignore" });
}

/** The link-local address of the router on a device, as the kernel has heard of it. */
export function neighbourOn(lab: Lab, name: string, device: string): string | undefined {
  using rtnl = Rtnl.open({ netns: lab.namespace(name) });
  const neighbours = rtnl.neighbours.list({ family: 6, device });
  return neighbours.find(({ address, router }) => router && address.startsWith("fe80:"))?.address;
}
