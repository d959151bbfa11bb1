import assert from "node:assert/strict";
import { addressesOf, exhaust, unchanged, type IpamCheck } from "./world.ts";

/** Addresses that come back: retired first, free later. */
export const endings: readonly IpamCheck[] = [
  {
    id: "ipam/counts",
    sentence: "counts every address of a range once, whatever becomes of it",
    async run({ start, ask }) {
      const ipam = await start();
      const held: number[][] = [];
      const count = (): void => {
        for (const { range, capacity, allocated, free, reserved, quarantined } of ipam.status().ranges) {
          const sum = allocated + free + reserved + quarantined;
          assert.equal(sum, capacity, `${range}: ${allocated} + ${free} + ${reserved} + ${quarantined}`);
        }
        const { ranges } = ipam.status();
        const total = (of: "allocated" | "quarantined"): number =>
          ranges.reduce((sum, range) => sum + range[of], 0);
        held.push([total("allocated"), total("quarantined")]);
      };
      count();
      const [a, b] = [await ipam.allocate("a", ask), await ipam.allocate("b", ask)];
      count();
      await ipam.retire(a);
      count();
      await ipam.release(a);
      count();
      await ipam.retire(b);
      await ipam.release(b);
      count();
      const one = ask.families.length;
      assert.deepEqual(held, [
        [0, 0],
        [2 * one, 0],
        [one, one],
        [one, 0],
        [0, 0],
      ]);
    },
  },
  {
    id: "ipam/quarantine",
    sentence: "does not hand out what was retired, even when nothing else is free",
    async run({ start, ask }) {
      const ipam = await start();
      const lease = await ipam.allocate("web", ask);
      await ipam.retire(lease);
      const others = addressesOf(await exhaust(ipam, ask));
      for (const address of lease.addresses)
        assert.ok(!others.includes(address), `${address} is quarantined`);
    },
  },
  {
    id: "ipam/retire-twice",
    sentence: "retires twice without error, and keeps what was retired in quarantine",
    async run({ start, ask }) {
      const ipam = await start();
      const lease = await ipam.allocate("web", ask);
      await ipam.retire(lease);
      await unchanged("the second time", ipam, () => ipam.retire(lease));
    },
  },
  {
    id: "ipam/retire-owner-only",
    sentence: "retires an address for its owner only",
    async run({ start, ask }) {
      const ipam = await start();
      const lease = await ipam.allocate("web", ask);
      await unchanged("for somebody else", ipam, () => ipam.retire({ ...lease, owner: "somebody" }));
    },
  },
  {
    id: "ipam/release",
    sentence: "hands out again what was released, retired before or not",
    async run({ start, ask }) {
      const ipam = await start();
      for (const retired of [true, false]) {
        const [lease] = await exhaust(ipam, ask, `${String(retired)}-`);
        if (retired) await ipam.retire(lease!);
        await ipam.release(lease!);
        const again = await ipam.allocate(`after-${String(retired)}`, ask);
        assert.deepEqual(again.addresses, lease!.addresses);
        await ipam.retire(again);
        await ipam.release(again);
      }
    },
  },
  {
    id: "ipam/release-twice",
    sentence: "releases twice without error",
    async run({ start, ask }) {
      const ipam = await start();
      const lease = await ipam.allocate("web", ask);
      await ipam.retire(lease);
      await ipam.release(lease);
      await unchanged("the second time", ipam, () => ipam.release(lease));
    },
  },
  {
    id: "ipam/release-late",
    sentence: "does not take an address from its next owner when the former one's release comes late",
    async run({ start, ask }) {
      const ipam = await start();
      const [lease] = await exhaust(ipam, ask);
      await ipam.retire(lease!);
      await ipam.release(lease!);
      const next = await ipam.allocate("next", ask);
      await unchanged("what is the next owner's", ipam, async () => {
        await ipam.retire(lease!);
        await ipam.release(lease!);
      });
      assert.deepEqual(next.addresses, lease!.addresses);
    },
  },
  {
    id: "ipam/release-owner-only",
    sentence: "releases an address for its owner only, retired or not",
    async run({ start, ask }) {
      const ipam = await start();
      const [live, retired] = [await ipam.allocate("live", ask), await ipam.allocate("retired", ask)];
      await ipam.retire(retired);
      await unchanged("for somebody else", ipam, async () => {
        await ipam.release({ ...live, owner: "somebody" });
        await ipam.release({ ...retired, owner: "somebody" });
      });
    },
  },
];
