import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemRuntime, type Ipam, type IpamContext, type Lease } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { hostScope, type HostScopeOptions } from "@netloom/ipam-host-scope";

const context = (changes: Partial<IpamContext> = {}): IpamContext => ({
  node: "node1",
  podCIDRs: ["10.244.1.0/28"],
  families: [4],
  store: memoryStore(),
  prefix: "host-scope/",
  runtime: { ...systemRuntime, random: seededRandom(1) },
  ...changes,
});

async function started(options: HostScopeOptions = {}, changes: Partial<IpamContext> = {}): Promise<Ipam> {
  const ipam = hostScope(options);
  await ipam.start(context(changes));
  return ipam;
}

const v4 = { families: [4] } as const;

describe("host-scope IPAM", () => {
  it("hands out the node's range, less its ends and the node's own address", async () => {
    const ipam = await started();
    expect(ipam.ranges()).toEqual(["10.244.1.0/28"]);
    expect(ipam.routers()).toEqual(["10.244.1.1"]);
    const leases = await Promise.all(
      Array.from({ length: 13 }, (_, index) => ipam.allocate(`pod${index}`, v4)),
    );
    const addresses = leases.flatMap((lease) => lease.addresses);
    expect(new Set(addresses).size).toBe(13);
    for (const kept of ["10.244.1.0", "10.244.1.1", "10.244.1.15"]) expect(addresses).not.toContain(kept);
    await expect(ipam.allocate("one-more", v4)).rejects.toMatchObject({
      code: "ERR_IPAM_EXHAUSTED",
      retryable: true,
      message: expect.stringContaining(
        "10.244.1.0/28: 13 of 16 allocated, 3 reserved, 0 quarantined",
      ) as string,
    });
  });

  it("gives both families or neither", async () => {
    const dual = { podCIDRs: ["10.244.1.0/30", "fd00:1::/64"], families: [4, 6] as const };
    const ipam = await started({}, dual);
    const first = await ipam.allocate("a", { families: [4, 6] });
    expect(first.addresses).toHaveLength(2);
    const before = ipam.status();
    await expect(ipam.allocate("b", { families: [4, 6] })).rejects.toMatchObject({
      code: "ERR_IPAM_EXHAUSTED",
    });
    expect(ipam.status()).toEqual(before);
  });

  it("gives the same lease to the same owner, and a requested address to nobody else", async () => {
    const ipam = await started();
    const lease = await ipam.allocate("a", { ...v4, addresses: ["10.244.1.7"] });
    expect(lease.addresses).toEqual(["10.244.1.7"]);
    expect(await ipam.allocate("a", v4)).toEqual(lease);
    await expect(ipam.allocate("b", { ...v4, addresses: ["10.244.1.7"] })).rejects.toMatchObject({
      code: "ERR_IPAM_CONFLICT",
    });
    await expect(ipam.allocate("b", { ...v4, addresses: ["10.9.9.9"] })).rejects.toMatchObject({
      code: "ERR_IPAM_OUT_OF_RANGE",
      message: expect.stringContaining("10.244.1.0/28") as string,
    });
    await expect(ipam.allocate("b", { ...v4, addresses: ["10.244.1.8", "10.244.1.9"] })).rejects.toThrow(
      "too many",
    );
  });

  it("holds a retired address back until it is released, and only its owner can do either", async () => {
    const ipam = await started();
    const lease = await ipam.allocate("a", { ...v4, addresses: ["10.244.1.7"] });
    await ipam.retire({ ...lease, owner: "b" });
    expect(ipam.status().ranges[0]).toMatchObject({ allocated: 1, quarantined: 0 });
    await ipam.retire(lease);
    await ipam.retire(lease);
    expect(ipam.status().ranges[0]).toMatchObject({ allocated: 0, quarantined: 1 });
    await expect(ipam.allocate("b", { ...v4, addresses: ["10.244.1.7"] })).rejects.toMatchObject({
      code: "ERR_IPAM_CONFLICT",
    });
    await ipam.release(lease);
    await ipam.release(lease);
    expect((await ipam.allocate("b", { ...v4, addresses: ["10.244.1.7"] })).addresses).toEqual([
      "10.244.1.7",
    ]);
  });

  it("restores what was handed out before a restart, and says what does not fit", async () => {
    const ipam = await started();
    const lease = { owner: "a", pool: "default", addresses: ["10.244.1.5"], retired: false };
    await ipam.restore([lease, { ...lease, owner: "b", addresses: ["10.244.1.6"], retired: true }]);
    expect(ipam.status().ranges[0]).toMatchObject({ allocated: 1, quarantined: 1 });
    expect((await ipam.allocate("a", v4)).addresses).toEqual(["10.244.1.5"]);
    await expect(ipam.restore([{ ...lease, owner: "c" }])).rejects.toMatchObject({
      code: "ERR_IPAM_CONFLICT",
    });
    await expect(ipam.restore([{ ...lease, addresses: ["10.9.0.1"] }])).rejects.toMatchObject({
      code: "ERR_IPAM_FOREIGN",
      message: expect.stringContaining("none of this node's 1 ranges (10.244.1.0/28)") as string,
    });
  });

  it("says who should assign a range where there is none", async () => {
    await expect(started({}, { podCIDRs: [] })).rejects.toMatchObject({
      code: "ERR_IPAM_NO_RANGE",
      message: expect.stringContaining("podCIDRs") as string,
    });
    await expect(started({}, { podCIDRs: ["10.0.0.0/24", "10.0.0.128/25"] })).rejects.toMatchObject({
      code: "ERR_IPAM_CONFLICT",
    });
    expect(() => hostScope({ podCIDRs: ["10.0.0.1/24"] })).toThrow(
      expect.objectContaining({ code: "ERR_OPTIONS_INVALID" }) as Error,
    );
  });

  it("keeps allocated + free + reserved + quarantined = capacity, and no address twice, whatever happens", async () => {
    const operation = fc.record({
      act: fc.constantFrom("allocate", "retire", "release"),
      owner: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const ipam = await started({}, { podCIDRs: ["10.0.0.0/29"] });
        const leases = new Map<string, Lease>();
        const held = new Set<string>();
        for (const { act, owner } of operations) {
          const lease = leases.get(owner);
          if (act === "allocate" && lease === undefined) {
            const made = await ipam.allocate(owner, v4).catch(() => undefined);
            if (made === undefined) continue;
            expect(held.has(made.addresses[0]!)).toBe(false);
            held.add(made.addresses[0]!);
            leases.set(owner, made);
          } else if (act === "retire" && lease !== undefined) await ipam.retire(lease);
          else if (act === "release" && lease !== undefined) {
            await ipam.release(lease);
            held.delete(lease.addresses[0]!);
            leases.delete(owner);
          }
          const [counts] = ipam.status().ranges;
          const { allocated, free, reserved, quarantined, capacity } = counts!;
          expect(allocated + free + reserved + quarantined).toBe(capacity);
          expect(allocated + quarantined).toBe(leases.size);
        }
      }),
    );
  });
});
