import { readFileSync } from "node:fs";
import { refused } from "./errors.ts";

/** Bits of `linux/capability.h`, and what each is for. */
const NEEDED = [
  { name: "CAP_NET_ADMIN", bit: 12n, why: "devices, routes, attaching programs" },
  {
    name: "CAP_SYS_ADMIN",
    bit: 21n,
    why: "entering namespaces, mounting a bpf file system, opening maps by id",
  },
  { name: "CAP_BPF", bit: 39n, why: "loading programs and maps" },
] as const;

/**
 * @throws {@link NetloomError} `ERR_UNSUPPORTED` off Linux, `ERR_PERMISSION` naming the capabilities that are missing.
 */
export function assertPrivileges(): void {
  if (process.platform !== "linux") {
    throw refused("ERR_UNSUPPORTED", `the eBPF datapath needs Linux; this is ${process.platform}`, {
      remedy: "use memoryDatapath() of @netloom/core/memory here",
    });
  }
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const capabilities = BigInt(`0x${effective}`);
  // CAP_SYS_ADMIN includes what CAP_BPF was cut out of (capabilities(7)).
  const has = (bit: bigint): boolean => ((capabilities >> bit) & 1n) === 1n;
  const missing = NEEDED.filter(({ bit }) => !has(bit) && !(bit === 39n && has(21n)));
  if (missing.length === 0) return;
  const list = missing.map(({ name, why }) => `${name} (${why})`).join(", ");
  throw refused("ERR_PERMISSION", `the eBPF datapath may not run here: missing ${list}`, {
    remedy: "run as root, or use memoryDatapath() of @netloom/core/memory",
  });
}
