import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import { isNetlinkError, Netns, Rtnl } from "../../src/index.ts";

const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

const missing = whatIsMissing();
if (missing !== undefined) console.warn(`SKIPPED: tests against the kernel, because ${missing}`);

/**
 * For `describe.skipIf`: tests that change namespaces are skipped, with the warning above, where that is
 * not allowed.
 */
export const unprivileged: boolean = missing !== undefined;

function whatIsMissing(): string | undefined {
  if (process.platform !== "linux") return `this is ${process.platform}, not Linux`;
  const capabilities = BigInt(
    `0x${/^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`,
  );
  if (((capabilities >> CAP_NET_ADMIN) & 1n) === 0n) return "CAP_NET_ADMIN is missing";
  if (((capabilities >> CAP_SYS_ADMIN) & 1n) === 0n) return "CAP_SYS_ADMIN is missing";
  return undefined;
}

let counter = 0;

/** A name nobody else uses: tests of several processes run at the same time. */
export function uniqueName(): string {
  counter += 1;
  return `nltest-${process.pid}-${counter}`;
}

/** A named namespace (so that `ip -n` can look into it), gone after the test however it ends. */
export function scratchNamespace(): Netns & { readonly name: string } {
  const name = uniqueName();
  const netns = Netns.create(name);
  onTestFinished(() => {
    netns.close();
    removeNamespace(name);
  });
  return netns as Netns & { readonly name: string };
}

/** A scratch namespace and a handle on it. */
export function scratch(): { netns: Netns & { readonly name: string }; rtnl: Rtnl } {
  const netns = scratchNamespace();
  const rtnl = Rtnl.open({ netns });
  onTestFinished(() => {
    rtnl.close();
  });
  return { netns, rtnl };
}

/** Removes a namespace that the test may have removed itself. */
export function removeNamespace(name: string): void {
  try {
    Netns.delete(name);
  } catch (error) {
    if (!isNetlinkError(error, "ERR_NOT_FOUND")) throw error;
  }
}

/** What ip(8), which shares no code with this package, sees in a namespace. */
export function ip<T = Record<string, unknown>>(netns: { readonly name: string }, ...args: string[]): T[] {
  const text = execFileSync("ip", ["-j", "-d", "-n", netns.name, ...args], { encoding: "utf8" });
  return text.trim() === "" ? [] : (JSON.parse(text) as T[]);
}

/** Descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** The error a call throws. */
export function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** Waits until `condition` holds, for what the kernel does a little later; fails after some seconds. */
export async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("the condition did not come true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
