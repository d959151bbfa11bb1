import { describe, expect, it } from "vitest";
import {
  createOperator,
  systemRuntime,
  type Ipam,
  type NetloomError,
  type Operator,
  type Store,
} from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import {
  clusterPool,
  clusterPoolOperator,
  type ClusterPoolOptions,
  type PoolDefinition,
} from "@netloom/ipam-cluster-pool";

const PREFIX = "netloom/default/v1/backends/cluster-pool/";
const v4 = { families: [4] } as const;

async function operator(
  store: Store,
  pools: readonly PoolDefinition[],
): Promise<Operator & { readonly errors: NetloomError[] }> {
  const one = createOperator({ store, components: [clusterPoolOperator({ pools })] });
  const errors: NetloomError[] = [];
  one.events.on("error", (error) => errors.push(error as NetloomError));
  await one.start();
  return Object.assign(one, { errors });
}

/** A node's IPAM; its fact is what an agent announces before it starts it. */
async function node(
  store: Store,
  name: string,
  options: ClusterPoolOptions & {
    readonly families?: readonly (4 | 6)[];
    readonly signal?: AbortSignal;
  } = {},
): Promise<Ipam> {
  const { families = [4], signal, ...rest } = options;
  const fact = { name, addresses: ["192.0.2.1"], podCIDRs: [], routers: [] };
  await store.create(`netloom/default/v1/state/nodes/${name}`, fact).catch(() => undefined);
  const ipam = clusterPool(rest);
  const context = { node: name, podCIDRs: [], families, store, prefix: PREFIX, runtime: systemRuntime };
  await ipam.start(context, signal === undefined ? {} : { signal });
  return ipam;
}

const small: PoolDefinition = { name: "default", cidrs: ["10.0.0.0/29"], blockPrefix: { ipv4: 30 } };

describe("cluster-pool IPAM", () => {
  it("gives each node its own block, and addresses inside it", async () => {
    const store = memoryStore();
    await using _operator = await operator(store, [{ name: "default", cidrs: ["10.244.0.0/16"] }]);
    const [a, b] = await Promise.all([node(store, "a"), node(store, "b")]);
    expect([...a.ranges(), ...b.ranges()].sort()).toEqual(["10.244.0.0/24", "10.244.1.0/24"]);
    const lease = await a.allocate("pod", v4);
    expect(lease.addresses[0]!.startsWith(a.ranges()[0]!.slice(0, -4))).toBe(true);
    expect(lease.addresses[0]).not.toBe(a.routers()[0]);
  });

  it("gives blocks of both families to a node that wants both", async () => {
    const store = memoryStore();
    await using _operator = await operator(store, [
      { name: "default", cidrs: ["10.244.0.0/16", "fd00:1::/112"] },
    ]);
    const ipam = await node(store, "a", { families: [4, 6] });
    expect(ipam.ranges()).toEqual(["10.244.0.0/24", "fd00:1::/120"]);
    expect((await ipam.allocate("pod", { families: [4, 6] })).addresses).toHaveLength(2);
  });

  it("waits for an operator, and can be called off", async () => {
    const store = memoryStore();
    const stop = new AbortController();
    const starting = node(store, "a", { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(starting).rejects.toThrow("enough");
  });

  it("asks for another block before the addresses run out", async () => {
    const store = memoryStore();
    await using _operator = await operator(store, [
      { name: "default", cidrs: ["10.0.0.0/24"], blockPrefix: { ipv4: 28 } },
    ]);
    const ipam = await node(store, "a", { preAllocate: 4 });
    for (let pod = 0; pod < 10; pod++) await ipam.allocate(`pod${pod}`, v4);
    await expect.poll(() => ipam.ranges()).toEqual(["10.0.0.0/28", "10.0.0.16/28"]);
    for (let pod = 10; pod < 20; pod++) await ipam.allocate(`pod${pod}`, v4);
    expect(ipam.routers()).toEqual(["10.0.0.1"]);
  });

  it("keeps its blocks, their order and its own address across a restart", async () => {
    const store = memoryStore();
    await using _operator = await operator(store, [
      { name: "default", cidrs: ["10.0.0.0/24"], blockPrefix: { ipv4: 28 } },
    ]);
    const before = await node(store, "a", { preAllocate: 14 });
    const lease = await before.allocate("pod", v4);
    await expect.poll(() => before.ranges().length).toBe(2);
    await before[Symbol.asyncDispose]();
    const after = await node(store, "a");
    expect(after.ranges()).toEqual(before.ranges());
    expect(after.routers()).toEqual(before.routers());
    await after.restore([{ ...lease, retired: false }]);
    expect(await after.allocate("pod", v4)).toEqual(lease);
  });

  it("says when a pool is exhausted, with counts, and goes on when a CIDR is appended", async () => {
    const store = memoryStore();
    const first = await operator(store, [small]);
    await node(store, "a");
    await node(store, "b");
    const third = node(store, "c");
    await expect.poll(() => first.errors.map(({ code }) => code)).toEqual(["ERR_POOL_EXHAUSTED"]);
    expect(first.errors[0]?.message).toContain("no free /30 in 10.0.0.0/29 (2 allocated, 0 withheld of 2)");
    await first.stop();
    await using _second = await operator(store, [{ ...small, cidrs: [...small.cidrs, "10.0.1.0/29"] }]);
    expect((await third).ranges()).toEqual(["10.0.1.0/30"]);
  });

  it("gives a removed node's block to another, once every node has acknowledged its end", async () => {
    const store = memoryStore();
    await using _operator = await operator(store, [small]);
    const a = await node(store, "a");
    await node(store, "b");
    const third = node(store, "c");
    await store.delete("netloom/default/v1/state/nodes/a");
    // The other nodes have no agents here: say for them that they have got there.
    await expect.poll(() => store.get("netloom/default/v1/state/barrier")).toBeDefined();
    for (const name of ["b", "c"]) {
      await store.create(`netloom/default/v1/acknowledgements/${name}`, {
        revision: Number.MAX_SAFE_INTEGER,
      });
    }
    expect((await third).ranges()).toEqual(a.ranges());
  });

  it("refuses to shrink or change a pool that nodes have blocks of, and gives nothing meanwhile", async () => {
    const store = memoryStore();
    await (await operator(store, [{ name: "default", cidrs: ["10.0.0.0/16"] }])).stop();
    const shrunk = await operator(store, [{ name: "default", cidrs: ["10.1.0.0/16"] }]);
    await expect
      .poll(() => shrunk.errors[0]?.message)
      .toContain("lacks 10.0.0.0/16, of which nodes may have blocks");
    await shrunk.stop();
    const resized = await operator(store, [
      { name: "default", cidrs: ["10.0.0.0/16"], blockPrefix: { ipv4: 25 } },
    ]);
    await expect
      .poll(() => resized.errors[0]?.message)
      .toContain("has blocks of /25, and nodes have /24 of it");
    await resized.stop();
    const overlapping = await operator(store, [{ name: "other", cidrs: ["10.0.128.0/17"] }]);
    await expect.poll(() => overlapping.errors[0]?.code).toBe("ERR_POOL_OVERLAP");
    await overlapping.stop();
  });

  it("leaves a claim that is no block of a pool alone, and says so", async () => {
    const store = memoryStore();
    await store.create("netloom/default/v1/state/nodes/old", {
      name: "old",
      addresses: ["192.0.2.9"],
      podCIDRs: [],
      routers: [],
    });
    await store.create(`${PREFIX}claims/10.0.0.0/31`, { node: "old", pool: "default", confirmed: 1 });
    await using one = await operator(store, [small]);
    const ipam = await node(store, "a");
    expect(ipam.ranges()).toEqual(["10.0.0.4/30"]);
    expect(one.errors[0]).toMatchObject({
      code: "ERR_IPAM_FOREIGN",
      message: expect.stringContaining("10.0.0.0/31 of node old is no block of pool default") as string,
    });
  });

  it.each<[string, readonly PoolDefinition[], string, string]>([
    ["no pools", [], "ERR_POOL_INVALID", "name at least one pool"],
    ["a bad name", [{ ...small, name: "Big One" }], "ERR_POOL_INVALID", "lower-case letters"],
    ["a name twice", [small, small], "ERR_POOL_INVALID", "is there twice"],
    ["host bits", [{ name: "p", cidrs: ["10.0.0.1/24"] }], "ERR_POOL_INVALID", "10.0.0.0/24"],
    ["blocks wider than the pool", [{ name: "p", cidrs: ["10.0.0.0/25"] }], "ERR_POOL_INVALID", "/24"],
    ["too many blocks", [{ name: "p", cidrs: ["10.0.0.0/7"] }], "ERR_POOL_INVALID", "from /8 to /24"],
    [
      "pools that overlap",
      [
        { name: "p", cidrs: ["10.0.0.0/16"] },
        { name: "q", cidrs: ["10.0.5.0/24"] },
      ],
      "ERR_POOL_OVERLAP",
      "10.0.5.0/24 of pool q overlaps 10.0.0.0/16 of pool p",
    ],
  ])("refuses %s", (_, pools, code, message) => {
    expect(() => clusterPoolOperator({ pools })).toThrow(expect.objectContaining({ code }) as Error);
    expect(() => clusterPoolOperator({ pools })).toThrow(message);
  });

  it("refuses another pool than its own, and says how to get it", async () => {
    const store = memoryStore();
    await using _operator = await operator(store, [small]);
    const ipam = await node(store, "a");
    await expect(ipam.allocate("pod", { ...v4, pool: "blue" })).rejects.toMatchObject({
      code: "ERR_IPAM_NO_RANGE",
    });
  });
});
