import assert from "node:assert/strict";
import type { Family, Ipam } from "@netloom/core";
import { refusal } from "../kit/reject.ts";
import { addressesOf, exhaust, foreign, unchanged, type IpamCheck } from "./world.ts";

/** Lives that end, and what the next one is told. */
export const restarts: readonly IpamCheck[] = [
  {
    id: "ipam/restart",
    sentence: "has the same ranges and addresses of its own after a restart",
    async run({ start }) {
      const before = await start();
      const [ranges, routers] = [before.ranges(), before.routers()];
      await before[Symbol.asyncDispose]();
      const after = await start();
      assert.deepEqual([after.ranges(), after.routers()], [ranges, routers]);
    },
  },
  {
    id: "ipam/restore",
    sentence: "takes back what was handed out before a restart: its owner has it, and nobody else gets it",
    async run({ start, ask, families }) {
      const before = await start();
      const lease = await before.allocate("web", ask);
      await before[Symbol.asyncDispose]();
      const after = await start();
      await after.restore([{ ...lease, retired: false }]);
      const others = await everyOther(after, families);
      for (const address of lease.addresses) assert.ok(!others.includes(address), `${address} is web's`);
      assert.deepEqual(await after.allocate("web", ask), lease);
    },
  },
  {
    id: "ipam/restore-retired",
    sentence: "takes back what was retired before a restart into quarantine, until it is released",
    async run({ start, ask, families }) {
      const before = await start();
      const lease = await before.allocate("web", ask);
      await before[Symbol.asyncDispose]();
      const after = await start();
      await after.restore([{ ...lease, retired: true }]);
      const others = await everyOther(after, families);
      for (const address of lease.addresses)
        assert.ok(!others.includes(address), `${address} is quarantined`);
      await after.release(lease);
      assert.deepEqual((await after.allocate("next", ask)).addresses, lease.addresses);
    },
  },
  {
    id: "ipam/restore-foreign",
    sentence: "refuses to take back an address that is in none of its ranges",
    async run({ start, families }) {
      const ipam = await start();
      for (const family of families) {
        const lease = { owner: "web", pool: "default", addresses: [foreign(family)], retired: false };
        await refusal("a foreign address", () => ipam.restore([lease]), "ERR_IPAM_FOREIGN");
      }
    },
  },
  {
    id: "ipam/restore-conflict",
    sentence: "refuses to take back an address that two say is theirs",
    async run({ start, ask }) {
      const before = await start();
      const lease = await before.allocate("web", ask);
      await before[Symbol.asyncDispose]();
      const after = await start();
      const both = [
        { ...lease, retired: false },
        { ...lease, owner: "db", retired: false },
      ];
      await refusal("two owners", () => after.restore(both), "ERR_IPAM_CONFLICT");
    },
  },
  {
    id: "ipam/restore-whole",
    sentence: "takes back all leases or, where one is refused, none",
    async run({ start, ask }) {
      const before = await start();
      const [one, two] = [await before.allocate("one", ask), await before.allocate("two", ask)];
      await before[Symbol.asyncDispose]();
      const after = await start();
      const bad = { owner: "bad", pool: "default", addresses: [foreign(ask.families[0]!)], retired: false };
      const leases = [{ ...one, retired: false }, { ...two, retired: true }, bad];
      await unchanged("what it has", after, async () => {
        await refusal("a foreign address", () => after.restore(leases), "ERR_IPAM_FOREIGN");
      });
    },
  },
];

/** All that can still be had, of each family by itself: one may have more left than the other. */
async function everyOther(ipam: Ipam, families: readonly Family[]): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const family of families)
    addresses.push(...addressesOf(await exhaust(ipam, { families: [family] }, `v${family}-`)));
  return addresses;
}
