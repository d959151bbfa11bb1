import { describe, expect, it } from "vitest";
import { isNetloomError, type Lease } from "@netloom/core";
import { cloudIpam } from "@netloom/ipam-cloud";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const node = { name: "node1", instance: "i-1" };

async function started(cloud = new FakeCloud()): Promise<readonly [Lives<FakeCloud>, FakeCloud]> {
  cloud.launch(node);
  return [new Lives(cloud), cloud];
}

describe("giving back", () => {
  it("gives back what has been idle long enough, and removes interfaces that nobody needs", async () => {
    const [lives, cloud] = await started();
    const ipam = await lives.begin();
    const leases = await lives.allocate(ipam, 60);
    expect(cloud.interfaces.length).toBe(3);
    for (const lease of leases.slice(10)) await ipam.release(lease);
    await lives.pass(170_000);
    expect(cloud.interfaces.length).toBe(3);
    await lives.pass(20_000);
    expect(cloud.interfaces.length).toBe(1);
    // Ten pods, the router, and eight that are free.
    expect(cloud.podAddresses().length).toBe(10 + 1 + 8);
    expect(ipam.ranges().toSorted()).toEqual(cloud.podAddresses().toSorted());
    await ipam[Symbol.asyncDispose]();
  });

  it("gives back nothing that some datapath may still know", async () => {
    const [lives, cloud] = await started();
    const ipam = await lives.begin();
    const leases = await lives.allocate(ipam, 40);
    for (const lease of leases) await ipam.retire(lease);
    await lives.pass(600_000);
    for (const { addresses } of leases) expect(cloud.podAddresses()).toContain(`${addresses[0]!}/32`);
    await ipam[Symbol.asyncDispose]();
  });

  it("gives back nothing after a restart before it knows what was handed out, and then waits anew", async () => {
    const [lives, cloud] = await started();
    const first = await lives.begin();
    const leases = await lives.allocate(first, 40);
    const kept = leases.slice(0, 30);
    for (const lease of leases.slice(30)) await first.release(lease);
    await first[Symbol.asyncDispose]();
    const before = cloud.podAddresses().length;
    const second = await lives.begin(kept);
    await lives.pass(170_000);
    expect(cloud.podAddresses().length).toBe(before);
    await lives.pass(20_000);
    expect(cloud.podAddresses().length).toBeLessThan(before);
    for (const { addresses } of kept) expect(cloud.podAddresses()).toContain(`${addresses[0]!}/32`);
    await second[Symbol.asyncDispose]();
  });

  it("has what it could not give back still, and hands it out again", async () => {
    const [lives, cloud] = await started();
    const ipam = await lives.begin();
    const leases = await lives.allocate(ipam, 20);
    cloud.fails = (request, when) =>
      request === "Unassign" && when === "before" ? { kind: "denied", action: "Unassign" } : undefined;
    for (const lease of leases) await ipam.release(lease);
    await lives.pass(200_000);
    expect(ipam.ranges().toSorted()).toEqual(cloud.podAddresses().toSorted());
    expect((await lives.allocate(ipam, 20, "again")).length).toBe(20);
    await ipam[Symbol.asyncDispose]();
  });
});

describe("waiting", () => {
  it("refuses at once where the cloud has nothing more, and says what is lacking", async () => {
    const [lives] = await started(new FakeCloud({ limits: { interfaces: 1, slots: { 4: 5 } } }));
    const ipam = await lives.begin();
    await lives.allocate(ipam, 3);
    const refused = await lives.until(
      ipam.allocate("late", { families: [4] }).catch((error: unknown) => error),
      1000,
    );
    expect(isNetloomError(refused, "ERR_IPAM_EXHAUSTED")).toBe(true);
    expect(String(refused)).toContain("can have no more interfaces");
    await ipam[Symbol.asyncDispose]();
  });

  it("serves who waits with an address that another gives back", async () => {
    const [lives, cloud] = await started();
    const ipam = await lives.begin();
    const leases: Lease[] = [...(await lives.allocate(ipam, 8 - 1))];
    cloud.fails = (_, when) => (when === "before" ? { kind: "throttled" } : undefined);
    const free = ipam.status().ranges.filter(({ free: some }) => some > 0).length;
    leases.push(...(await lives.allocate(ipam, free, "more")));
    const waiting = ipam.allocate("late", { families: [4] });
    await lives.pass(1000);
    await ipam.release(leases[0]!);
    expect((await lives.until(waiting, 1000)).addresses).toEqual(leases[0]!.addresses);
    cloud.fails = () => undefined;
    await ipam[Symbol.asyncDispose]();
  });

  it("names the permission that is lacking", async () => {
    const [lives, cloud] = await started();
    const ipam = await lives.begin();
    const told: unknown[] = [];
    ipam.cloudEvents.on("action:failed", (error) => told.push(error));
    cloud.fails = (request, when) =>
      when === "before" && !/^(Read|Describe)/.test(request)
        ? { kind: "denied", action: `cloud:${request}` }
        : undefined;
    const refused = await lives.until(
      lives.allocate(ipam, 20).catch((error: unknown) => error),
      5000,
    );
    expect(isNetloomError(refused, "ERR_IPAM_EXHAUSTED")).toBe(true);
    expect(isNetloomError(told[0], "ERR_PERMISSION") && String(told[0])).toContain("cloud:Assign");
    await ipam[Symbol.asyncDispose]();
  });

  it("says how to state the limits of an instance type that the cloud does not know", async () => {
    const [lives, cloud] = await started();
    cloud.limits = async () => undefined as never;
    const ipam = cloudIpam({ provider: cloud, instance: node });
    const starting = ipam.start(lives.context).catch((error: unknown) => error);
    const error = await lives.until(starting, 5000);
    expect(isNetloomError(error, "ERR_UNSUPPORTED") && error.remedy).toContain("limits: {");
    await ipam[Symbol.asyncDispose]();
  });
});
