import { describe, expect, it } from "vitest";
import type { CloudAction, CloudFault, CloudInterface } from "@netloom/ipam-cloud";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const TEN_MINUTES = 10 * 60_000;
const PERMANENT: readonly CloudFault[] = [
  { kind: "exhausted", what: "pool-addresses" },
  { kind: "exhausted", what: "quota" },
  { kind: "exhausted", what: "interface-slots" },
  { kind: "denied", action: "CreateInterface" },
  { kind: "invalid" },
];

function count(cloud: FakeCloud, request: string): number {
  return cloud.requests.filter((one) => one === request).length;
}

/** A node that has one full interface and may have more, where no other can be made. */
async function full(
  fault: CloudFault,
): Promise<readonly [Lives<FakeCloud>, readonly CloudAction[], AsyncDisposable]> {
  const cloud = new FakeCloud({ limits: { interfaces: 4, slots: { 4: 10 } } });
  cloud.launch({ name: "node1", instance: "i-1" });
  const lives = new Lives(cloud);
  const ipam = await lives.begin();
  cloud.fails = (request, when) => (request === "CreateInterface" && when === "before" ? fault : undefined);
  const done: CloudAction[] = [];
  await lives.allocate(ipam, 8);
  ipam.cloudEvents.on("action:done", (action) => void done.push(action));
  cloud.requests.length = 0;
  await lives.pass(TEN_MINUTES);
  return [lives, done, ipam];
}

describe("an interface that cannot be made", () => {
  it.each(PERMANENT)("is asked for once in a while and leaves nothing to look for: %j", async (fault) => {
    const [{ cloud }, done, ipam] = await full(fault);
    expect(count(cloud, "CreateInterface")).toBeLessThanOrEqual(11);
    expect(count(cloud, "CreateInterface")).toBeGreaterThan(5);
    expect(count(cloud, "DescribeOrphans")).toBe(0);
    expect(done).toEqual([]);
    await ipam[Symbol.asyncDispose]();
  });

  it("is looked for once for all attempts where the cloud failed, and told of as nothing that was done", async () => {
    const [{ cloud, store }, done, ipam] = await full({ kind: "transient" });
    expect(count(cloud, "CreateInterface")).toBeLessThan(130);
    expect(count(cloud, "DescribeOrphans")).toBeLessThan(35);
    expect(done).toEqual([]);
    expect((await store.list("test/intents/")).entries.length).toBeGreaterThan(1);
    await ipam[Symbol.asyncDispose]();
  });

  it("keeps those there are from nothing where the new one is said to have no slots", async () => {
    const cloud = new FakeCloud({ limits: { interfaces: 4, slots: { 4: 30 } } });
    cloud.launch({ name: "node1", instance: "i-1" });
    const lives = new Lives(cloud, { policy: { preAllocate: 24 } });
    const ipam = await lives.begin();
    cloud.fails = (request, when) =>
      request === "CreateInterface" && when === "before"
        ? { kind: "exhausted", what: "interface-slots" }
        : undefined;
    // Of 29 slots the first 25 are given: what is asked for next needs another interface, too.
    await lives.allocate(ipam, 8);
    await lives.allocate(ipam, 20, "more");
    expect(cloud.podAddresses().length).toBe(29);
    await ipam[Symbol.asyncDispose]();
  });
});

describe("an interface that cannot be finished", () => {
  const faults: readonly CloudFault[] = [
    { kind: "denied", action: "ModifyInterface" },
    { kind: "credentials", why: "expired" },
    { kind: "invalid" },
    { kind: "exhausted", what: "quota" },
    { kind: "gone", what: "interface" },
    { kind: "conflict", what: "version" },
    { kind: "throttled" },
    { kind: "transient" },
    { kind: "ambiguous" },
  ];

  it.each(faults)("is tried again more and more seldom: %j", async (fault) => {
    const cloud = new FakeCloud();
    cloud.launch({ name: "node1", instance: "i-1" });
    const old: CloudInterface & { readonly instance: string } = {
      id: "nic-x",
      index: 1,
      pool: "pool",
      primary: false,
      managed: true,
      state: "attached",
      addresses: [{ cidr: "10.0.9.1/32", role: "primary", ready: true }],
      securityGroups: [],
      deleteWithInstance: false,
      intent: "netloom-old",
      instance: "i-1",
    };
    cloud.interfaces.push({ ...old, addresses: [...old.addresses] });
    cloud.fails = (request, when) => (request === "ModifyInterface" && when === "before" ? fault : undefined);
    const lives = new Lives(cloud, { policy: { excessDelay: "keep" } });
    const starting = lives.begin();
    await lives.pass(60_000);
    cloud.requests.length = 0;
    await lives.pass(TEN_MINUTES);
    expect(count(cloud, "ModifyInterface")).toBeLessThan(200);
    expect(count(cloud, "ReadNode")).toBeLessThan(60);
    // When it can be, it is.
    cloud.fails = () => undefined;
    await lives.pass(120_000);
    expect(cloud.interfaces.find(({ id }) => id === "nic-x")?.deleteWithInstance).toBe(true);
    const ipam = await starting;
    await ipam[Symbol.asyncDispose]();
  });
});
