import assert from "node:assert/strict";
import { formatAddress, parseCidr, type Family } from "@netloom/core";
import { givesUp, refusal } from "../kit/reject.ts";
import { pause, until, within } from "../kit/wait.ts";
import { addressesOf, assertFamilies, exhaust, isIn, unchanged, type IpamCheck } from "./world.ts";

/** What it has from its start to its end. */
export const lifecycle: readonly IpamCheck[] = [
  {
    id: "ipam/ranges",
    sentence: "has a range of every family once it has started, and leases out of its ranges",
    async run({ start, ask, families }) {
      const ipam = await start();
      const cidrs = ipam.ranges().map(parseCidr);
      for (const family of families) {
        assert.ok(
          cidrs.some((cidr) => cidr.family === family),
          `there is a range of IPv${family}`,
        );
      }
      for (const [index, cidr] of cidrs.entries()) {
        const other = cidrs.slice(0, index).find((one) => one.overlaps(cidr));
        assert.equal(other, undefined, `${formatAddress(cidr.first)} is in two ranges`);
      }
      for (const address of addressesOf(await exhaust(ipam, ask)))
        assert.ok(isIn(ipam.ranges(), address), `${address} is in ${ipam.ranges().join(", ")}`);
    },
  },
  {
    id: "ipam/routers",
    sentence: "keeps one address of each family for the node, in its ranges, and never leases it",
    async run({ start, ask, families }) {
      const ipam = await start();
      const routers = ipam.routers();
      assertFamilies(routers, families);
      for (const router of routers) assert.ok(isIn(ipam.ranges(), router), `${router} is in its ranges`);
      const leased = addressesOf(await exhaust(ipam, ask));
      for (const router of routers) assert.ok(!leased.includes(router), `${router} is the node's`);
    },
  },
  {
    id: "ipam/ranges-changed",
    sentence: "tells watchers of the ranges that it gets later, behind those it has, and leases out of them",
    needs: "grow",
    async run({ start, ask, families, grow, patience }) {
      const ipam = await start();
      const [ranges, routers] = [ipam.ranges(), ipam.routers()];
      let told: readonly string[] = [];
      ipam.events.on("ranges:changed", (all) => (told = all));
      await exhaust(ipam, ask);
      await grow();
      await until(patience, "it tells of another range of each family", () =>
        families.every((family) => countOf(told, family) > countOf(ranges, family)),
      );
      assert.deepEqual(told, ipam.ranges());
      assert.deepEqual(told.slice(0, ranges.length), ranges);
      assert.deepEqual(ipam.routers(), routers);
      for (const address of (await ipam.allocate("late", ask)).addresses)
        assert.ok(isIn(told.slice(ranges.length), address), `${address} is in none of the new ranges`);
    },
  },
  {
    id: "ipam/start-waits",
    sentence: "waits at its start until there is a range, or until it is called off",
    needs: "surround",
    async run({ create, context, surround, patience, families }) {
      const stop = new AbortController();
      const reason = new Error("the caller gave up");
      const calledOff = create()
        .start(context, { signal: stop.signal })
        .catch((error: unknown) => error);
      const ipam = create();
      let started = false;
      const starting = ipam.start(context).then(() => (started = true));
      await pause(20);
      assert.equal(started, false, "there is no range yet");
      stop.abort(reason);
      assert.equal(await within(patience, "it is called off", calledOff), reason);
      await surround();
      await within(patience, "it starts", starting);
      for (const family of families)
        assert.ok(
          ipam.ranges().some((range) => parseCidr(range).family === family),
          `a range of IPv${family}`,
        );
    },
  },
  {
    id: "ipam/start-abort",
    sentence: "does not start when it is told to give up",
    async run({ create, context, surround }) {
      await surround();
      await givesUp("start", (signal) => create().start(context, { signal }));
    },
  },
  {
    id: "ipam/start-twice",
    sentence: "starts twice without harm",
    async run({ start, ask, context, patience }) {
      const ipam = await start();
      const lease = await ipam.allocate("web", ask);
      await unchanged("what it has", ipam, () => within(patience, "it starts again", ipam.start(context)));
      assert.deepEqual(await ipam.allocate("web", ask), lease);
    },
  },
  {
    id: "ipam/closed",
    sentence: "leases nothing after it was disposed",
    async run({ start, ask }) {
      const ipam = await start();
      await ipam[Symbol.asyncDispose]();
      await refusal("a lease of an IPAM that is closed", () => ipam.allocate("web", ask), "ERR_CLOSED");
    },
  },
  {
    id: "ipam/closed-twice",
    sentence: "can be disposed twice, and without having been started",
    async run({ start, create }) {
      const ipam = await start();
      for (let time = 0; time < 2; time++) await ipam[Symbol.asyncDispose]();
      await create()[Symbol.asyncDispose]();
    },
  },
];

function countOf(ranges: readonly string[], family: Family): number {
  return ranges.filter((range) => parseCidr(range).family === family).length;
}
