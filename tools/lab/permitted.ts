import { readFileSync } from "node:fs";

/** Bits of `linux/capability.h`. */
const NEEDED = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

/**
 * Why no lab can be made here; `undefined` where it can. Says so loudly, for whoever asks is about to skip something:
 * `describe.skipIf(whyNoLab("the live cluster") !== undefined)`.
 *
 * @param what - the tests that would need it.
 */
export function whyNoLab(what: string): string | undefined {
  const missing = lacking();
  if (missing !== undefined) console.warn(`SKIPPED: ${what}, because ${missing}`);
  return missing;
}

function lacking(): string | undefined {
  if (process.platform !== "linux") return `this is ${process.platform}, not Linux`;
  const effective = /^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const capabilities = BigInt(`0x${effective}`);
  const missing = Object.entries(NEEDED).find(([, bit]) => ((capabilities >> bit) & 1n) === 0n);
  return missing === undefined ? undefined : `${missing[0]} is missing`;
}
