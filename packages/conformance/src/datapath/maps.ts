import assert from "node:assert/strict";
import { Limits } from "@netloom/core/backend";
import { refusalNow } from "../kit/reject.ts";
import { at, tablesOf } from "./tables.ts";
import type { DatapathCheck } from "./world.ts";

/** The tables between agent and datapath. */
export const maps: readonly DatapathCheck[] = [
  {
    id: "datapath/map-round-trip",
    sentence: "keeps what is written into a table, to the last bit",
    async run({ start }) {
      for (const table of tablesOf((await start()).maps)) {
        for (const number of [0, 1, 4000]) {
          table.set(number);
          assert.equal(table.get(number), table.value(number), table.name);
        }
      }
    },
  },
  {
    id: "datapath/map-absent",
    sentence: "finds nothing where nothing was written, and has nothing to delete",
    async run({ start }) {
      for (const table of tablesOf((await start()).maps)) {
        assert.equal(table.get(9), undefined, table.name);
        assert.equal(table.delete(9), false, table.name);
      }
    },
  },
  {
    id: "datapath/map-delete",
    sentence: "deletes an entry, says that it was there, and keeps the others",
    async run({ start }) {
      for (const table of tablesOf((await start()).maps)) {
        table.set(1);
        table.set(2);
        assert.equal(table.delete(1), true, table.name);
        assert.deepEqual([table.get(1), table.get(2)], [undefined, table.value(2)], table.name);
      }
    },
  },
  {
    id: "datapath/map-replace",
    sentence: "replaces the value of a key that is there",
    async run({ start }) {
      for (const table of tablesOf((await start()).maps)) {
        table.set(1, 1);
        table.set(1, 2);
        assert.equal(table.get(1), table.value(1, 2), table.name);
      }
    },
  },
  {
    id: "datapath/map-entries",
    sentence: "lists exactly what is there",
    async run({ start }) {
      for (const table of tablesOf((await start()).maps)) {
        const numbers = Array.from({ length: 50 }, (_, number) => number);
        for (const number of numbers) table.set(number);
        const expected = numbers.map((number) => table.entry(number)).sort();
        assert.deepEqual(table.entries(), expected, table.name);
      }
    },
  },
  {
    id: "datapath/map-many",
    sentence: "writes and deletes many at once as it does one by one",
    async run({ start }) {
      for (const table of tablesOf((await start()).maps)) {
        table.set(3, 1);
        table.setMany([1, 2, 3, 4, 5], 2);
        for (const number of [1, 2, 3, 4, 5])
          assert.equal(table.get(number), table.value(number, 2), table.name);
        table.deleteMany([1, 99, 3, 5]);
        table.deleteMany([]);
        const left = [1, 2, 3, 4, 5].filter((number) => table.get(number) !== undefined);
        assert.deepEqual(left, [2, 4], table.name);
      }
    },
  },
  {
    id: "datapath/map-capacity",
    sentence: "refuses what finds no room, keeps what is there, and can still replace it",
    async run({ start }) {
      const { maps } = await start();
      const [table] = tablesOf(maps); // of the endpoints: the others are too large to fill in a test
      const most = maps.endpoints.maxEntries;
      table!.setMany(Array.from({ length: most }, (_, number) => number));
      const before = table!.entries();
      assert.equal(before.length, most, `there is room for ${most}`);
      await refusalNow("one entry more", () => table!.set(most), "ERR_CAPACITY");
      assert.deepEqual(table!.entries(), before);
      table!.set(0, 5);
      assert.equal(table!.get(0), table!.value(0, 5), "what is there is replaced");
      table!.delete(1);
      table!.set(most);
      assert.equal(table!.get(most), table!.value(most), "where one has gone, another has room");
    },
  },
  {
    id: "datapath/map-copies",
    sentence: "does not change with the values that it was given, or gave",
    async run({ start }) {
      const { backends, ipcache } = (await start()).maps;
      const key = { address: at(1) };
      const value = { identity: 300, flags: 0, tunnel: at(2) };
      ipcache.set(key, value);
      value.identity = 301;
      spoil(ipcache.get(key));
      for (const [, found] of ipcache.entries()) spoil(found);
      assert.equal(ipcache.get(key)?.identity, 300);
      const backend = { address: at(1), port: 80, protocol: 6, state: 0 };
      backends.set(3, backend);
      backend.port = 81;
      assert.equal(backends.get(3)?.port, 80);
    },
  },
  {
    id: "datapath/map-longest-prefix",
    sentence: "finds the longest prefix that an address is in",
    async run({ start }) {
      const { ipcachePrefixes } = (await start()).maps;
      const value = (
        identity: number,
      ): { identity: number; flags: number; tunnel: ReturnType<typeof at> } => ({
        identity,
        flags: 0,
        tunnel: at(0),
      });
      ipcachePrefixes.set({ prefixLength: 96 + 16, address: at(0) }, value(16));
      ipcachePrefixes.set({ prefixLength: 96 + 24, address: at(0x100) }, value(24));
      const found = (number: number): number | undefined =>
        ipcachePrefixes.get({ prefixLength: 128, address: at(number) })?.identity;
      assert.deepEqual([found(0x105), found(0x205), found(0x10000)], [24, 16, undefined]);
      assert.equal(ipcachePrefixes.delete({ prefixLength: 96 + 24, address: at(0x100) }), true);
      assert.equal(found(0x105), 16, "and the next longest once that is gone");
    },
  },
  {
    id: "datapath/map-array",
    sentence: "has an entry at every index of an array, zero until it is written",
    async run({ start }) {
      const { backends } = (await start()).maps;
      const zero = backends.get(5);
      assert.deepEqual([zero?.port, zero?.protocol, zero?.state], [0, 0, 0]);
      backends.set(5, { address: at(5), port: 8080, protocol: 6, state: 1 });
      const { address, port, protocol, state } = backends.get(5)!;
      assert.deepEqual([address.toString(), port, protocol, state], [at(5).toString(), 8080, 6, 1]);
      assert.equal(backends.get(backends.maxEntries), undefined, "and none behind the last");
    },
  },
  {
    id: "datapath/maglev",
    sentence: "keeps a service's table whole, apart from others, until it is deleted",
    async run({ start }) {
      const { maglev } = (await start()).maps;
      const table = (first: number): Uint16Array =>
        Uint16Array.from({ length: Limits.MAGLEV_SLOTS }, (_, slot) => (first + slot) % 65_536);
      const [one, two] = [table(1), table(60_000)];
      maglev.set(1, one);
      maglev.set(2, two);
      one[0] = 9;
      maglev.get(1)![1] = 9;
      assert.deepEqual([...maglev.get(1)!], [...table(1)]);
      assert.deepEqual([...maglev.get(2)!], [...table(60_000)]);
      maglev.delete(1);
      assert.deepEqual([maglev.get(1), maglev.get(3)], [undefined, undefined]);
      maglev.delete(1);
      assert.deepEqual([...maglev.get(2)!], [...table(60_000)]);
    },
  },
];

/** Tries to change it; what is frozen cannot be. */
function spoil(value: { readonly identity: number } | undefined): void {
  try {
    (value as { identity: number }).identity = 302;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}
