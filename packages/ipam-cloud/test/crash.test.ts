import { describe, expect, it } from "vitest";
import type { Lease } from "@netloom/core";
import type { CloudFault } from "@netloom/ipam-cloud";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const node = { name: "node1", instance: "i-1" };
const times = { refreshAfter: 30_000, visibilityLag: 0 };

/** What happens at one request: its answer is lost, it fails, or the process ends before or after it. */
const MISHAPS = ["lost", "transient", "throttled", "exhausted", "crash before", "crash after"] as const;
type Mishap = (typeof MISHAPS)[number];

/** Up to 60 pods, down to 5, up again; with one mishap at request number `at`. @returns what came of it */
async function story(
  at: number,
  mishap: Mishap,
): Promise<{ readonly reached: boolean; readonly crashed: boolean }> {
  const cloud = new FakeCloud({ cidrs: ["10.0.0.0/24"] });
  cloud.launch(node);
  const lives = new Lives(cloud, { policy: { excessDelay: 10_000 }, times });
  let count = 0;
  let crash: (() => void) | undefined;
  cloud.fails = (_, when): CloudFault | undefined => {
    if (when === "before") count++;
    if (count !== at) return undefined;
    if (mishap === "lost" && when === "after") return { kind: "ambiguous" };
    if (mishap === "transient" && when === "before") return { kind: "transient" };
    if (mishap === "throttled" && when === "before") return { kind: "throttled" };
    if (mishap === "exhausted" && when === "before") return { kind: "exhausted", what: "quota" };
    if (mishap === "crash before" ? when === "before" : mishap === "crash after" && when === "after") {
      crash?.();
      return { kind: "ambiguous" };
    }
    return undefined;
  };
  let ipam = await lives.begin();
  let leases: readonly Lease[] = [];
  let crashed = false;
  /** Does something; if the process ends meanwhile, the next one does it again. */
  const live = async (act: () => Promise<undefined>): Promise<void> => {
    let ended = false;
    const end = new Promise<"crashed">((resolve) => {
      crash = () => {
        // From here on the process does nothing more.
        ended = true;
        void ipam[Symbol.asyncDispose]();
        resolve("crashed");
      };
    });
    const acting = act()
      // A refusal is an answer: it is tried again later.
      .catch(() => lives.clock.now())
      .then(async (refused) => {
        if (refused === undefined || ended) return "done" as const;
        await new Promise<void>((resolve) => lives.clock.after(70_000, resolve));
        await act();
        return "done" as const;
      });
    acting.catch(() => undefined);
    if ((await lives.until(Promise.race([acting, end]), 20 * 60_000)) === "done" && !ended) return;
    crashed = true;
    await ipam[Symbol.asyncDispose]();
    ipam = await lives.begin(leases);
    await lives.until(act(), 20 * 60_000);
  };
  // Only `live` moves the clock.
  const allocate = (pods: number, name: string): Promise<readonly Lease[]> =>
    Promise.all(
      Array.from({ length: pods }, (_, index) => ipam.allocate(`${name}${index}`, { families: [4] })),
    );
  const passed = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => void lives.clock.after(milliseconds, resolve));
  await live(async () => void (leases = await allocate(60, "pod")));
  const [kept, gone] = [leases.slice(0, 5), leases.slice(5)];
  leases = kept;
  await live(async () => {
    for (const lease of gone) await ipam.release(lease);
    await passed(120_000);
    return undefined;
  });
  for (const { addresses } of kept) expect(cloud.podAddresses()).toContain(`${addresses[0]!}/32`);
  await live(async () => void (leases = [...kept, ...(await allocate(30, "again"))]));
  await live(async () => void (await passed(700_000)));
  const reached = count >= at;
  await ipam[Symbol.asyncDispose]();

  const addresses = leases.flatMap((lease) => lease.addresses);
  expect(new Set(addresses).size, "no address has two owners").toBe(35);
  for (const address of addresses) expect(cloud.podAddresses()).toContain(`${address}/32`);
  expect(cloud.leaks(), "nothing lies about").toEqual([]);
  expect((await lives.store.list("test/intents/")).entries, "nothing is open").toEqual([]);
  expect(cloud.interfaces.every(({ primary, deleteWithInstance }) => primary || deleteWithInstance)).toBe(
    true,
  );
  expect(cloud.podAddresses().length, "no more than is kept warm").toBeLessThanOrEqual(35 + 1 + 8);
  return { reached, crashed };
}

describe("a mishap at any request", () => {
  it.each(MISHAPS)("leaks nothing, and gives no address to two: %s", async (mishap) => {
    let [at, crashes] = [1, 0];
    for (; ; at++) {
      const { reached, crashed } = await story(at, mishap);
      if (!reached) break;
      if (crashed) crashes++;
    }
    expect(at).toBeGreaterThan(15);
    expect(crashes > 12).toBe(mishap.startsWith("crash"));
  });
});
