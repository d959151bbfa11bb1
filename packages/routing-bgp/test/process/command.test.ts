import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { processDriver } from "../../src/process/process-driver.ts";

const program = join(import.meta.dirname, "../programs/fake-netloom-bgp.ts");

/** The command as a process, and its lines. */
function run(...parameters: readonly string[]): {
  readonly child: ChildProcess;
  readonly line: () => Promise<string>;
} {
  const child = spawn(process.execPath, ["--conditions=@netloom/source", program, ...parameters], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => String((await lines.next()).value) };
}

describe("netloom-bgp", () => {
  it("serves an agent, and ends by SIGTERM without a word to its peers", async () => {
    const directory = await mkdtemp(join(tmpdir(), "netloom-bgp-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, "socket");
    const { child, line } = run("--socket", path, "--state", directory);
    expect(await line()).toBe(`netloom-bgp: process ${child.pid} serves ${path}`);
    const driver = processDriver({ path });
    onTestFinished(() => driver.release());
    const config = { asn: 65_001, routerId: "192.0.2.11", peers: [] };
    expect(await driver.configure({ config, install: false })).toBeUndefined();
    child.kill("SIGTERM");
    expect(await line()).toBe("closed: preserve");
    const [status] = (await once(child, "exit")) as [number | null];
    expect(status).toBe(0);
  });

  it("says how it is used", async () => {
    const { child, line } = run("--help");
    expect(await line()).toBe("Usage: netloom-bgp --socket <path> [options]");
    const [status] = (await once(child, "exit")) as [number | null];
    expect(status).toBe(0);
  });
});
