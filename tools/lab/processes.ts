import { readdirSync, readlinkSync, statSync } from "node:fs";

/**
 * Ends every process that lives in a network namespace: one that a killed run has left there would keep the namespace,
 * and all that is in it, for ever.
 */
export function killProcessesIn(namespaceFile: string): void {
  const namespace = `net:[${statSync(namespaceFile).ino}]`;
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || pid === String(process.pid) || namespaceOf(pid) !== namespace) continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
