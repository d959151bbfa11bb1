import assert from "node:assert/strict";
import { refusal, givesUp } from "../kit/reject.ts";
import {
  addressesOf,
  assertFamilies,
  exhaust,
  familyOf,
  freeOf,
  unchanged,
  type IpamCheck,
} from "./world.ts";

/** Who gets what. */
export const leases: readonly IpamCheck[] = [
  {
    id: "ipam/lease",
    sentence: "leases one address of each family to its owner",
    async run({ start, ask, families }) {
      const lease = await (await start()).allocate("default/web-1", ask);
      assert.equal(lease.owner, "default/web-1");
      assertFamilies(lease.addresses, families);
    },
  },
  {
    id: "ipam/same-owner",
    sentence: "gives the same lease to an owner who asks again",
    async run({ start, ask }) {
      const ipam = await start();
      const lease = await ipam.allocate("web", ask);
      await ipam.allocate("other", ask);
      await unchanged("nothing more is allocated", ipam, async () => {
        assert.deepEqual(await ipam.allocate("web", ask), lease);
      });
    },
  },
  {
    id: "ipam/every-address",
    sentence: "hands out every free address, and each once",
    async run({ start, ask, families }) {
      const ipam = await start();
      const free = Math.min(...families.map((family) => freeOf(ipam, family)));
      const addresses = addressesOf(await exhaust(ipam, ask));
      assert.equal(addresses.length, free * families.length, "as many as were free");
      assert.equal(new Set(addresses).size, addresses.length, "no address twice");
    },
  },
  {
    id: "ipam/one-family",
    sentence: "leases an address of no family that was not asked for",
    needs: "both families",
    async run({ start }) {
      const ipam = await start();
      for (const family of [4, 6] as const) {
        const lease = await ipam.allocate(`only${family}`, { families: [family] });
        assert.deepEqual(lease.addresses.map(familyOf), [family]);
      }
    },
  },
  {
    id: "ipam/both-or-neither",
    sentence: "leases nothing where one of two families is exhausted",
    needs: "both families",
    async run({ start }) {
      const ipam = await start();
      await exhaust(ipam, { families: [6] });
      await unchanged("what it has", ipam, async () => {
        const both = { families: [4, 6] } as const;
        await refusal("a lease of both", () => ipam.allocate("web", both), "ERR_IPAM_EXHAUSTED");
      });
    },
  },
  {
    id: "ipam/exhaustion",
    sentence: "says when no address is free, and that there may be one later",
    async run({ start, ask }) {
      const ipam = await start();
      await exhaust(ipam, ask);
      const error = await refusal("one more", () => ipam.allocate("late", ask), "ERR_IPAM_EXHAUSTED");
      assert.equal(error.retryable, true, "retryable");
    },
  },
  {
    id: "ipam/exhaustion-counts",
    sentence: "names the ranges that are exhausted, and their counts",
    async run({ start, families }) {
      const ipam = await start();
      for (const family of families) {
        const ask = { families: [family] };
        await exhaust(ipam, ask, `v${family}-`);
        const { message } = await refusal("one more", () => ipam.allocate("late", ask), "ERR_IPAM_EXHAUSTED");
        for (const { range, capacity, allocated } of ipam.status().ranges) {
          if (range.includes(":") !== (family === 6)) continue;
          for (const part of [range, String(capacity), String(allocated)])
            assert.ok(message.includes(part), `the message should name ${part}: ${message}`);
        }
      }
    },
  },
  {
    id: "ipam/exhaustion-event",
    sentence: "tells watchers that a range is exhausted",
    async run({ start, families }) {
      const ipam = await start();
      for (const family of families) {
        const ask = { families: [family] };
        await exhaust(ipam, ask, `v${family}-`);
        const told: string[] = [];
        const stop = ipam.events.on("range:exhausted", ({ range, free }) => {
          assert.equal(free, 0);
          told.push(range);
        });
        await refusal("one more", () => ipam.allocate("late", ask), "ERR_IPAM_EXHAUSTED");
        stop();
        assert.ok(told.length > 0, "an event came");
        for (const range of told)
          assert.equal(range.includes(":"), family === 6, `${range} is of the family`);
      }
    },
  },
  {
    id: "ipam/pool-unknown",
    sentence: "refuses a pool that it does not have",
    async run({ start, ask }) {
      const ipam = await start();
      await unchanged("what it has", ipam, async () => {
        const pool = "no-such-pool";
        await refusal(
          "a lease of another pool",
          () => ipam.allocate("web", { ...ask, pool }),
          "ERR_IPAM_NO_RANGE",
        );
      });
    },
  },
  {
    id: "ipam/concurrent-owners",
    sentence: "gives different addresses to owners who ask at the same time",
    async run({ start, ask, families }) {
      const ipam = await start();
      const count = Math.min(8, ...families.map((family) => freeOf(ipam, family)));
      const owners = Array.from({ length: count }, (_, index) => `web${index}`);
      const addresses = addressesOf(await Promise.all(owners.map((owner) => ipam.allocate(owner, ask))));
      assert.equal(new Set(addresses).size, count * families.length);
    },
  },
  {
    id: "ipam/concurrent-owner",
    sentence: "gives one lease to an owner who asks several times at the same time",
    async run({ start, ask }) {
      const ipam = await start();
      const [first, ...others] = await Promise.all([1, 2, 3, 4].map(() => ipam.allocate("web", ask)));
      for (const other of others) assert.deepEqual(other, first);
    },
  },
  {
    id: "ipam/abort",
    sentence: "gives up when it is told to, and has leased nothing",
    async run({ start, ask }) {
      const ipam = await start();
      await unchanged("what it has", ipam, () =>
        givesUp("allocate", (signal) => ipam.allocate("web", { ...ask, signal })),
      );
    },
  },
];
