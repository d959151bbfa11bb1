import { readFileSync } from "node:fs";
import { isNetlinkError, Netns, Rtnl } from "@netloom/netlink";
import { onTestFinished } from "vitest";

const NEEDED = (1n << 12n) | (1n << 21n); // CAP_NET_ADMIN, CAP_SYS_ADMIN
const held = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`);

/** For `describe.skipIf`. */
export const unprivileged: boolean = (held & NEEDED) !== NEEDED;
if (unprivileged)
  console.warn("SKIPPED: tests in a kernel, because CAP_NET_ADMIN or CAP_SYS_ADMIN is missing");

let counter = 0;

export interface Place {
  readonly netns: Netns;
  readonly rtnl: Rtnl;
  /** Of the namespace. */
  readonly path: string;
}

/** A namespace of its own, gone after the test however it ends. */
function place(): Place {
  counter += 1;
  const name = `nlbgp-${process.pid}-${counter}`;
  const netns = Netns.create(name);
  const rtnl = Rtnl.open({ netns });
  onTestFinished(() => {
    rtnl.close();
    netns.close();
    try {
      Netns.delete(name);
    } catch (error) {
      if (!isNetlinkError(error, "ERR_NOT_FOUND")) throw error;
    }
  });
  rtnl.links.set("lo", { up: true });
  return { netns, rtnl, path: `/run/netns/${name}` };
}

/** Two places and a link: `up0` here, with .11 and ::11, and `down0` there, with .1 and ::1. */
export function pair(): { readonly node: Place; readonly router: Place } {
  const node = place();
  const router = place();
  node.rtnl.links.create({
    kind: "veth",
    name: "up0",
    up: true,
    peer: { name: "down0", netns: router.netns, up: true },
  });
  node.rtnl.addresses.add({ device: "up0", address: "192.0.2.11/24" });
  router.rtnl.addresses.add({ device: "down0", address: "192.0.2.1/24" });
  return { node, router };
}

/** Waits until `condition` holds, for what happens a little later. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}
