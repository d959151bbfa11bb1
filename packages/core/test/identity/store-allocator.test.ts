import { describe, expect, it } from "vitest";
import { memoryStore, seededRandom, type MemoryStore } from "../../src/memory/index.ts";
import { FactTables } from "../../src/facts/fact-tables.ts";
import { Keys } from "../../src/facts/keys.ts";
import { IdentityCollector } from "../../src/identity/collect.ts";
import { StoreIdentities } from "../../src/identity/store-allocator.ts";
import { LabelTable } from "../../src/labels/index.ts";
import type { Identity } from "../../src/ports/identity.ts";
import type { Store } from "../../src/ports/store.ts";
import { UnluckyStore } from "../support/unlucky-store.ts";
import { Turns } from "../support/turns.ts";

const keys = new Keys();

function agent(store: Store, node: string, seed: number, range = { first: 256, last: 260 }): StoreIdentities {
  return new StoreIdentities({
    store,
    keys,
    labels: new LabelTable(),
    random: seededRandom(seed),
    node,
    range,
  });
}

describe("identities in the store", () => {
  it("give one number to one label set, whoever asks", async () => {
    const store = memoryStore();
    const labels = new LabelTable();
    const web = labels.fromStrings(["k8s:app=web"]);
    const db = labels.fromStrings(["k8s:app=db"]);
    const one = await agent(store, "a", 1).allocate(web);
    const other = await agent(store, "b", 2).allocate(web);
    expect(other.id).toBe(one.id);
    expect((await agent(store, "b", 3).allocate(db)).id).not.toBe(one.id);
  });

  it("say when the range is exhausted, and what to do", async () => {
    const labels = new LabelTable();
    const identities = agent(memoryStore(), "a", 1, { first: 256, last: 257 });
    await identities.allocate(labels.fromStrings(["k8s:app=a"]));
    await identities.allocate(labels.fromStrings(["k8s:app=b"]));
    await expect(identities.allocate(labels.fromStrings(["k8s:app=c"]))).rejects.toMatchObject({
      code: "ERR_IDENTITY_EXHAUSTED",
      message: expect.stringContaining("all 2 identities are in use") as string,
    });
  });

  it("are reclaimed after two passes without a user, and not while there is one", async () => {
    const store = memoryStore();
    const labels = new LabelTable();
    const identities = agent(store, "a", 1);
    const collector = new IdentityCollector({ store, keys });
    const identity = await identities.allocate(labels.fromStrings(["k8s:app=web"]));
    for (let pass = 0; pass < 3; pass++) expect((await collector.pass()).reclaimed).toEqual([]);
    await identities.release(identity);
    expect((await collector.pass()).reclaimed).toEqual([]);
    expect((await collector.pass()).reclaimed).toEqual([identity.id]);
    expect((await store.list(keys.root)).entries).toEqual([]);
  });

  it("give back what a former life of the node held", async () => {
    const store = memoryStore();
    const labels = new LabelTable();
    await agent(store, "a", 1).allocate(labels.fromStrings(["k8s:app=old"]));
    const restarted = agent(store, "a", 2);
    await restarted.allocate(labels.fromStrings(["k8s:app=new"]));
    await restarted.prune();
    const { entries } = await store.list(keys.identityReferences());
    expect(entries).toHaveLength(1);
  });

  it("are not another's before every datapath has forgotten them", async () => {
    const store = memoryStore();
    const labels = new LabelTable();
    const range = { first: 256, last: 256 };
    const identities = agent(store, "a", 1, range);
    let forget: () => void = () => undefined;
    const settled = (): Promise<void> => new Promise((resolve) => (forget = resolve));
    const reclaimed: number[] = [];
    const onReclaimed = (ids: readonly number[]): void => void reclaimed.push(...ids);
    const collector = new IdentityCollector({ store, keys, settled, onReclaimed });
    await identities.release(await identities.allocate(labels.fromStrings(["k8s:app=web"])));
    for (let pass = 0; pass < 3; pass++) await collector.pass();
    const tables = new FactTables({ keys, labels, report: (error) => expect(error).toBeUndefined() });
    tables.load(await store.list(keys.state));
    expect(tables.identities.size, "it means nothing any more").toBe(0);
    await expect(identities.allocate(labels.fromStrings(["k8s:app=db"]))).rejects.toMatchObject({
      code: "ERR_IDENTITY_EXHAUSTED",
    });
    await expect(identities.allocate(labels.fromStrings(["k8s:app=web"]))).rejects.toMatchObject({
      code: "ERR_IDENTITY_EXHAUSTED",
    });
    forget();
    await expect.poll(() => reclaimed).toEqual([256]);
    expect((await identities.allocate(labels.fromStrings(["k8s:app=db"]))).id).toBe(256);
  });

  it("mean nothing to others before somebody has used them", async () => {
    const store = memoryStore();
    const labels = new LabelTable();
    await store.create(keys.identity(256), { labels: ["k8s:app=web"], settled: 0 });
    const tables = new FactTables({ keys, labels, report: (error) => expect(error).toBeUndefined() });
    tables.load(await store.list(keys.state));
    expect(tables.identities.size).toBe(0);
  });

  it("are reclaimed where a collector died after it had deleted what points to them", async () => {
    const store = memoryStore();
    const labels = new LabelTable();
    const identities = agent(store, "a", 1);
    const web = labels.fromStrings(["k8s:app=web"]);
    await identities.release(await identities.allocate(web));
    await store.delete(keys.identityLabels(web.key));
    const collector = new IdentityCollector({ store, keys });
    for (let pass = 0; pass < 4; pass++) await collector.pass();
    expect((await store.list(keys.root)).entries).toEqual([]);
  });

  it("keep the reference that somebody took while the release before was still failing", async () => {
    const unlucky = new UnluckyStore(memoryStore());
    const labels = new LabelTable();
    const later: (() => Promise<void>)[] = [];
    const identities = new StoreIdentities({
      store: unlucky.store,
      keys,
      labels,
      random: seededRandom(1),
      node: "a",
      later: (task) => void later.push(task),
    });
    const web = labels.fromStrings(["k8s:app=web"]);
    const first = await identities.allocate(web);
    unlucky.deal("delete", /references/, "lost");
    await expect(identities.release(first)).rejects.toMatchObject({ code: "ERR_AMBIGUOUS" });
    await identities.allocate(web);
    for (const task of later) await task();
    const { entries } = await unlucky.store.list(keys.identityReferences());
    expect(entries).toHaveLength(1);
  });

  it("leave no reference behind where taking one failed half-way", async () => {
    const unlucky = new UnluckyStore(memoryStore());
    const labels = new LabelTable();
    const web = labels.fromStrings(["k8s:app=web"]);
    const identities = agent(unlucky.store, "a", 1);
    unlucky.deal("create", /references/, "lost");
    await expect(identities.allocate(web)).rejects.toMatchObject({ code: "ERR_AMBIGUOUS" });
    await expect
      .poll(async () => (await unlucky.store.list(keys.identityReferences())).entries)
      .toHaveLength(0);
  });

  it("stay unique and referenced in every interleaving of agents, collectors and crashes", async () => {
    let turns = 0;
    for (let seed = 0; seed < 2500; seed++) turns += await race(seed);
    expect(turns).toBeGreaterThan(100_000);
  }, 120_000);
});

/** Three agents who take and leave three label sets of five numbers, while two collectors run. */
async function race(seed: number): Promise<number> {
  const store = memoryStore();
  const random = seededRandom(seed);
  const turns = new Turns(random);
  const table = new LabelTable();
  const sets = ["a", "b", "c"].map((app) => table.fromStrings([`k8s:app=${app}`]));
  const held: Identity[] = [];
  const worker = async (node: string, index: number): Promise<void> => {
    const identities = agent(turns.wrap(store), node, seed * 10 + index);
    for (let round = 0; round < 4; round++) {
      // Sometimes a life ends in the middle: what it began stays as it is.
      if (random.next() < 0.1) return;
      const identity = await identities.allocate(sets[Math.floor(random.next() * sets.length)]!);
      held.push(identity);
      check(held, seed);
      if (random.next() < 0.7) {
        held.splice(held.indexOf(identity), 1);
        await identities.release(identity);
      }
    }
  };
  const collector = async (): Promise<void> => {
    const collect = new IdentityCollector({ store: turns.wrap(store), keys });
    for (let pass = 0; pass < 6; pass++) await collect.pass();
  };
  const done = Promise.all([worker("n1", 1), worker("n2", 2), worker("n3", 3), collector(), collector()]);
  const count = await turns.play();
  await done;
  await checkStore(store, held, seed);
  return count;
}

/** Everyone who holds a label set holds the same number, and everyone who holds a number the same labels. */
function check(held: readonly Identity[], seed: number): void {
  const byLabels = new Map<string, number>();
  const byId = new Map<number, string>();
  for (const { id, labels } of held) {
    expect(byLabels.get(labels.key) ?? id, `seed ${seed}: one number for ${labels.key}`).toBe(id);
    expect(byId.get(id) ?? labels.key, `seed ${seed}: one label set for ${id}`).toBe(labels.key);
    byLabels.set(labels.key, id);
    byId.set(id, labels.key);
  }
}

/** What is held is in the store, and says what its holder believes; what nobody holds goes. */
async function checkStore(store: MemoryStore, held: readonly Identity[], seed: number): Promise<void> {
  const collect = new IdentityCollector({ store, keys });
  for (let pass = 0; pass < 6; pass++) await collect.pass();
  for (const { id, labels } of held) {
    const record = await store.get(keys.identity(id));
    expect(record?.value, `seed ${seed}: identity ${id}`).toMatchObject({ labels: labels.toStrings() });
    expect((await store.get(keys.identityLabels(labels.key)))?.value).toEqual({ id });
  }
}
