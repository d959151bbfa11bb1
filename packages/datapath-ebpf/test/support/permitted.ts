import { readFileSync } from "node:fs";

/** Bits of `linux/capability.h`. */
const NEEDED = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/**
 * Whether tests that need the kernel must be skipped, for `describe.skipIf`. Says so in one loud line; where CI is set
 * nothing may be skipped.
 */
export function mustSkip(what: string): boolean {
  const missing = lacking();
  if (missing === undefined) return false;
  if (process.env["CI"] === "true") throw new Error(`${what} cannot run here: ${missing}`);
  console.warn(`SKIPPED: ${what}, because ${missing}`);
  return true;
}

function lacking(): string | undefined {
  if (process.platform !== "linux") return `this is ${process.platform}, not Linux`;
  const effective = /^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const capabilities = BigInt(`0x${effective}`);
  const missing = Object.entries(NEEDED).find(([, bit]) => ((capabilities >> bit) & 1n) === 0n);
  return missing === undefined ? undefined : `${missing[0]} is missing`;
}
