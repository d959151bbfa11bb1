import assert from "node:assert/strict";
import { isNetloomError, type Identity, type IdentityAllocator } from "@netloom/core";
import { labels, numbered, sizeOf, type IdentityCheck, type IdentityWorld } from "./world.ts";

/** A number that somebody holds is nobody else's; one that nobody holds is free again. */
export const references: readonly IdentityCheck[] = [
  {
    id: "identity/release-unheld",
    sentence: "releases what it does not hold without error",
    async run({ join }) {
      const [a, b] = [await join("a"), await join("b")];
      const identity = await a.allocate(numbered(0));
      await b.release(identity);
      await a.release(identity);
      await a.release(identity);
      await a.release({ ...identity, id: identity.id + 1 });
    },
  },
  {
    id: "identity/reclaimed",
    sentence: "gives a number that nobody holds any more to another set",
    needs: "collect",
    async run(world) {
      const one = await world.join("a");
      const [first] = await fill(world, one);
      await one.release(first!);
      await world.collect();
      assert.equal((await one.allocate(HELD)).id, first!.id);
    },
  },
  {
    id: "identity/references",
    sentence: "counts references: who took a number twice gives it back twice",
    needs: "collect",
    async run(world) {
      const one = await world.join("a");
      const identity = await one.allocate(HELD);
      await one.allocate(HELD);
      await one.release(identity);
      await assertKept(world, identity.id, HELD);
    },
  },
  {
    id: "identity/held",
    sentence: "keeps a number that another node holds",
    needs: "collect",
    async run(world) {
      const [a, b] = [await world.join("a"), await world.join("b")];
      const identity = await a.allocate(HELD);
      await b.allocate(HELD);
      await a.release(identity);
      await assertKept(world, identity.id, HELD);
    },
  },
  {
    id: "identity/release-others",
    sentence: "gives back no reference but its own",
    needs: "collect",
    async run(world) {
      const [a, b] = [await world.join("a"), await world.join("b")];
      const identity = await a.allocate(HELD);
      for (let time = 0; time < 2; time++) await b.release(identity);
      await assertKept(world, identity.id, HELD);
    },
  },
  {
    id: "identity/taken-again",
    sentence: "keeps a number that was given back and taken again",
    needs: "collect",
    async run(world) {
      const one = await world.join("a");
      const before = await one.allocate(HELD);
      await one.release(before);
      const { id } = await one.allocate(HELD);
      await assertKept(world, id, HELD);
    },
  },
  {
    id: "identity/churn",
    sentence: "keeps what is held, and one number to one set, while others come, go and collect",
    needs: "collect",
    async run(world) {
      const holder = await world.join("holder");
      const held = await holder.allocate(numbered(0));
      const live = new Live();
      live.take(held);
      const churn = async (node: string, offset: number): Promise<void> => {
        const mine = await world.join(node);
        for (let round = 0; round < 20; round++) {
          const identity = await mine.allocate(numbered((round * offset) % 7));
          live.take(identity);
          for (let turn = 0; turn < 25; turn++) await Promise.resolve();
          live.leave(identity);
          await mine.release(identity);
        }
      };
      let over = false;
      const collecting = (async () => {
        while (!over) await world.collect();
      })();
      const churned = await Promise.allSettled([churn("a", 1), churn("b", 2), churn("c", 3)]);
      over = true;
      await collecting;
      for (const outcome of churned) if (outcome.status === "rejected") throw outcome.reason;
      await assertKept(world, held.id, numbered(0));
    },
  },
];

/** A set that no other check's filling has. */
const HELD = labels("k8s:app=held");

/** What somebody holds now: a number of one set, a set of one number. */
class Live {
  readonly #held: Identity[] = [];

  take(identity: Identity): void {
    for (const { id, labels: set } of this.#held) {
      const [sameNumber, sameSet] = [id === identity.id, set.key === identity.labels.key];
      assert.equal(sameNumber, sameSet, `${id} is ${set.key}, and ${identity.id} is ${identity.labels.key}`);
    }
    this.#held.push(identity);
  }

  leave(identity: Identity): void {
    this.#held.splice(this.#held.indexOf(identity), 1);
  }
}

/** However hard it is tried, no other set gets the number, and this set gets no other. */
async function assertKept(world: IdentityWorld, id: number, set: typeof HELD): Promise<void> {
  await world.collect();
  const other = await world.join("other");
  const taken = await fill(world, other);
  assert.ok(!taken.some((identity) => identity.id === id), `${id} is held, and was given away`);
  assert.equal((await other.allocate(set)).id, id, "its set has it still");
}

/** Takes every number that is free, for sets of its own. */
async function fill(world: IdentityWorld, by: IdentityAllocator): Promise<readonly Identity[]> {
  const taken: Identity[] = [];
  for (let number = 0; number < sizeOf(world); number++) {
    try {
      taken.push(await by.allocate(labels("k8s:app=filler", `k8s:number=${number}`)));
    } catch (error) {
      if (isNetloomError(error, "ERR_IDENTITY_EXHAUSTED")) break;
      throw error;
    }
  }
  return taken;
}
