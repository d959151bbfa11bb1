import assert from "node:assert/strict";
import { isNetloomError, type Revision, type Store } from "@netloom/core";
import { unexplained, type Effect, type Operation } from "./history.ts";
import type { StoreCheck } from "./world.ts";

const RACERS = 8;

/** Several at once: somebody wins, nobody is lied to. */
export const races: readonly StoreCheck[] = [
  {
    id: "store/race-create",
    sentence: "lets one of several create a key",
    async run({ store, other, prefix }) {
      for (let round = 0; round < 5; round++) {
        const key = `${prefix}${round}`;
        const outcomes = await race((racer) => [store, other][racer % 2]!.create(key, `racer ${racer}`));
        assert.equal(outcomes.filter(won).length, 1, "one creates it");
        for (const lost of outcomes.filter((outcome) => !won(outcome))) assertCode(lost, "ERR_STORE_EXISTS");
        const winner = outcomes.findIndex(won);
        assert.equal((await store.get(key))?.value, `racer ${winner}`, "what the one who won has written");
      }
    },
  },
  {
    id: "store/race-update",
    sentence: "loses no update of several who compare and swap",
    async run({ store, other, prefix }) {
      const key = `${prefix}counter`;
      await store.create(key, 0);
      await race(async (racer) => {
        const by = [store, other][racer % 2]!;
        for (let mine = 0; mine < 5;) {
          const { value, revision } = (await by.get(key))!;
          try {
            await by.update(key, Number(value) + 1, { revision });
            mine++;
          } catch (error) {
            if (!isNetloomError(error, "ERR_STORE_CONFLICT")) throw error;
          }
        }
        return 0;
      }).then((outcomes) => outcomes.forEach((outcome) => assert.ok(won(outcome), String(outcome))));
      assert.equal((await store.get(key))?.value, RACERS * 5);
    },
  },
  {
    id: "store/race-delete",
    sentence: "lets one of several delete an entry",
    async run({ store, other, prefix }) {
      for (let round = 0; round < 5; round++) {
        const revision = await store.create(`${prefix}${round}`, "old");
        const outcomes = await race((racer) =>
          [store, other][racer % 2]!.delete(`${prefix}${round}`, { revision }),
        );
        assert.equal(outcomes.filter((outcome) => won(outcome) && outcome !== undefined).length, 1);
        for (const lost of outcomes.filter((outcome) => !won(outcome)))
          assertCode(lost, "ERR_STORE_CONFLICT");
      }
    },
  },
  {
    id: "store/linearizable",
    sentence: "lets all calls on a key be told as if they had come one after the other",
    async run({ store, other, prefix }) {
      for (const key of ["a", "b", "c"]) {
        const history: Operation[] = [];
        await Promise.all(
          Array.from({ length: RACERS }, (_, worker) =>
            work([store, other][worker % 2]!, `${prefix}${key}`, worker, history),
          ),
        );
        assert.equal(unexplained(history), undefined);
      }
    },
  },
];

/** Reads, creates, updates and deletes in an order of its own, by what it last saw. */
async function work(store: Store, key: string, worker: number, history: Operation[]): Promise<void> {
  let seen: Revision = 0;
  let dice = worker * 7919 + 1;
  for (let round = 0; round < 25; round++) {
    dice = (dice * 48_271) % 2_147_483_647;
    const began = ticket();
    const effect = await step(store, key, dice % 10, seen);
    history.push({ began, ended: ticket(), effect });
    if (effect.type === "saw") seen = effect.entry ?? seen;
    else seen = effect.type === "put" ? effect.revision : 0;
  }
}

type Seen = Effect & { readonly entry?: Revision };

async function step(store: Store, key: string, choice: number, seen: Revision): Promise<Seen> {
  try {
    if (choice < 4) {
      const revision = (await store.get(key))?.revision ?? 0;
      return {
        type: "saw",
        may: (state) => state === revision,
        what: `somebody read ${revision}`,
        entry: revision,
      };
    }
    if (seen === 0) return { type: "put", revision: await store.create(key, choice), from: 0 };
    if (choice < 8) {
      return { type: "put", revision: await store.update(key, choice, { revision: seen }), from: seen };
    }
    const revision = await store.delete(key, { revision: seen });
    return revision === undefined ? nothingThere() : { type: "gone", revision, from: seen };
  } catch (error) {
    if (isNetloomError(error, "ERR_STORE_EXISTS"))
      return { type: "saw", may: (state) => state !== 0, what: "somebody found the key there" };
    if (isNetloomError(error, "ERR_STORE_CONFLICT"))
      return {
        type: "saw",
        may: (state) => state !== 0 && state !== seen,
        what: `somebody found another than ${seen}`,
      };
    if (isNetloomError(error, "ERR_STORE_NOT_FOUND")) return nothingThere();
    throw error;
  }
}

function nothingThere(): Seen {
  return { type: "saw", may: (state) => state === 0, what: "somebody found nothing", entry: 0 };
}

let tickets = 0;

/** Moments, each after the one before. */
function ticket(): number {
  return ++tickets;
}

async function race<T>(run: (racer: number) => Promise<T>): Promise<readonly unknown[]> {
  const outcomes = await Promise.allSettled(Array.from({ length: RACERS }, (_, racer) => run(racer)));
  return outcomes.map((outcome) =>
    outcome.status === "fulfilled" ? outcome.value : new Lost(outcome.reason),
  );
}

class Lost {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

function won(outcome: unknown): boolean {
  return !(outcome instanceof Lost);
}

function assertCode(outcome: unknown, code: string): void {
  const { error } = outcome as Lost;
  assert.ok(isNetloomError(error, code), `who loses gets ${code}, not ${String(error)}`);
}
