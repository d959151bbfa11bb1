import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { cloudChecks } from "@netloom/conformance/cloud";
import { datapathChecks } from "@netloom/conformance/datapath";
import { identityChecks } from "@netloom/conformance/identity";
import { ipamChecks, ipamConformance } from "@netloom/conformance/ipam";
import { routingChecks } from "@netloom/conformance/routing";
import { storeChecks } from "@netloom/conformance/store";
import { hostScope } from "@netloom/ipam-host-scope";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);

/** What `node --test` counted: passed, failed, skipped. */
async function underNode(): Promise<readonly number[]> {
  const file = join(import.meta.dirname, "programs", "kits.mjs");
  // A reporter of this process's Node, whatever the runner around it has set.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await run(
    process.execPath,
    ["--conditions=@netloom/source", "--test", "--test-reporter=tap", file],
    { env },
  );
  return ["pass", "fail", "skipped"].map((word) =>
    Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(stdout)?.[1]),
  );
}

describe("kits", () => {
  it("run under node:test as they do under Vitest", async () => {
    const checks = [...storeChecks, ...ipamChecks, ...routingChecks];
    // Nobody can let the store in memory fail; nothing must be waited for by host-scope IPAM.
    const skipped = checks.filter(({ needs }) => ["fail", "surround", "grow"].includes(needs ?? "")).length;
    expect(await underNode()).toEqual([checks.length - skipped, 0, skipped]);
  });

  it("show what is skipped as a test that says so where a runner cannot skip", () => {
    const titles: string[] = [];
    ipamConformance(
      { describe: (_, body) => body(), it: (title) => titles.push(title) },
      { create: () => hostScope() },
    );
    expect(titles).toHaveLength(ipamChecks.length);
    expect(titles.filter((title) => title.includes("skipped"))).toEqual([
      expect.stringMatching(/\[ipam\/ranges-changed\] \(skipped: the backend does not declare grow\)$/),
      expect.stringMatching(/\[ipam\/start-waits\] \(skipped: the backend does not declare surround\)$/),
    ]);
  });

  it("have ids that are unique, name their kit, and a sentence each", () => {
    const kits = {
      store: storeChecks,
      ipam: ipamChecks,
      routing: routingChecks,
      identity: identityChecks,
      datapath: datapathChecks,
      cloud: cloudChecks,
    };
    for (const [kit, checks] of Object.entries(kits)) {
      const ids = checks.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { id, sentence } of checks) {
        expect(id).toMatch(new RegExp(`^${kit}/[a-z-]+$`));
        expect(sentence).toMatch(/^[a-z].*[^.]$/);
      }
    }
  });
});
