import { describe, expect, it } from "vitest";
import { systemRuntime, type Ipam, type IpamContext } from "@netloom/core";
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

  it("takes its ranges from its options rather than from the node object, and of the node's families only", async () => {
    const ipam = await started({ podCIDRs: ["10.9.0.0/24", "fd00::/64", "10.9.2.0/24"] });
    expect(ipam.ranges()).toEqual(["10.9.0.0/24", "10.9.2.0/24"]);
    expect(ipam.routers()).toEqual(["10.9.0.1"]);
  });

  it("goes on to the next range when the first is full, and tells of the full ones", async () => {
    const ipam = await started({ podCIDRs: ["10.9.0.0/30", "10.9.1.0/30"] });
    const told: string[] = [];
    ipam.events.on("range:exhausted", ({ range }) => told.push(range));
    const addresses: string[] = [];
    for (const owner of ["a", "b", "c"]) addresses.push(...(await ipam.allocate(owner, v4)).addresses);
    expect(addresses[0]).toBe("10.9.0.2");
    expect(addresses.slice(1).sort()).toEqual(["10.9.1.1", "10.9.1.2"]);
    expect(told).toEqual([]);
    await expect(ipam.allocate("d", v4)).rejects.toMatchObject({ code: "ERR_IPAM_EXHAUSTED" });
    expect(told).toEqual(["10.9.0.0/30", "10.9.1.0/30"]);
  });

  it("hands out the ends where it may, and never what is reserved", async () => {
    const ipam = await started(
      { allowFirst: true, allowLast: true, reserved: ["10.244.1.2", "192.0.2.1"] },
      { podCIDRs: ["10.244.1.0/30"] },
    );
    const addresses = (await Promise.all([ipam.allocate("a", v4), ipam.allocate("b", v4)])).flatMap(
      (lease) => lease.addresses,
    );
    expect(addresses.sort()).toEqual(["10.244.1.0", "10.244.1.3"]);
    await expect(ipam.allocate("c", { ...v4, addresses: ["10.244.1.2"] })).rejects.toThrow(
      "reserved for reserved",
    );
  });

  it("starts twice without forgetting, and stops twice without harm", async () => {
    const ipam = await started();
    const lease = await ipam.allocate("a", v4);
    await ipam.start(context());
    expect(await ipam.allocate("a", v4)).toEqual(lease);
    await ipam[Symbol.asyncDispose]();
    await ipam[Symbol.asyncDispose]();
    await ipam.release(lease);
    await expect(ipam.allocate("b", v4)).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect(ipam.restore([])).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect(ipam.start(context())).rejects.toThrow("the IPAM was stopped; create a new one");
  });

  it("does nothing before it has started", async () => {
    const ipam = hostScope();
    expect(ipam.status()).toEqual({ ranges: [] });
    expect(() => ipam.ranges()).toThrow("the IPAM has not started; await start() first");
    await expect(ipam.allocate("a", v4)).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("gives up when the caller has", async () => {
    const ipam = await started();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(ipam.allocate("a", { ...v4, signal })).rejects.toThrow("enough");
    expect(ipam.status().ranges[0]).toMatchObject({ allocated: 0 });
  });

  it("has one pool, and says so", async () => {
    const ipam = await started();
    expect(await ipam.allocate("a", { ...v4, pool: "default" })).toMatchObject({ pool: "default" });
    await expect(ipam.allocate("b", { ...v4, pool: "blue" })).rejects.toMatchObject({
      code: "ERR_IPAM_NO_RANGE",
      message: "there is no pool blue; host-scope IPAM has one pool, default",
    });
  });

  it.each<[unknown, string]>([
    [
      { podCidrs: [] },
      "there is no option podCidrs; the options are podCIDRs, reserved, allowFirst, allowLast",
    ],
    [{ podCIDRs: "10.0.0.0/24" }, "option podCIDRs is no list; write a list"],
    [{ podCIDRs: ["10.0.0.1/24"] }, "option podCIDRs: 10.0.0.1/24 has host bits set; write 10.0.0.0/24"],
    [{ podCIDRs: ["10.0.0.0"] }, "it has no prefix length"],
    [{ podCIDRs: ["10.0.0.0/24", "10.0.0.0/25"] }, "option podCIDRs: 10.0.0.0/25 overlaps 10.0.0.0/24"],
    [{ reserved: ["10.0.0.0/24"] }, "option reserved: "],
    [{ reserved: [7] }, "option reserved: "],
    [{ allowFirst: "yes" }, 'option allowFirst is "yes"; write true or false'],
  ])("refuses options %j", (options, message) => {
    expect(() => hostScope(options as HostScopeOptions)).toThrow(
      expect.objectContaining({
        code: "ERR_OPTIONS_INVALID",
        message: expect.stringContaining(message) as string,
      }),
    );
  });
});
