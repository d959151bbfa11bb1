import assert from "node:assert/strict";
import { parseAddress, parseCidr } from "@netloom/core";
import {
  attached,
  callOf,
  ensure,
  findInterface,
  firstOf,
  inventoryOf,
  newIntent,
  orphansOf,
  poolNamed,
  requestOf,
} from "./world.ts";
import type { CloudCheck } from "./world.ts";

const DYNAMIC = "dynamic interfaces";

/** Interfaces that come and go, ours and others'. */
export const interfaces: readonly CloudCheck[] = [
  {
    id: "cloud/ensure",
    sentence: "makes an interface on the node, with the addresses it is asked for, and ours",
    needs: DYNAMIC,
    async run(world) {
      const { provider, node, stage } = world;
      const intent = newIntent();
      const made = await attached(world, await ensure(world, callOf({ intent })));
      for (const one of [made, await findInterface(provider, node, made.id)]) {
        assert.ok(one !== undefined, "the node has it");
        const { state, managed, pool, primary } = one;
        assert.deepEqual(
          { state, managed, pool, primary, intent: one.intent },
          { state: "attached", managed: true, pool: stage.pool, primary: false, intent },
        );
        assert.equal(one.addresses.filter(({ role }) => role === "secondary").length, 2);
      }
    },
  },
  {
    id: "cloud/way-out",
    sentence: "says by which device and which router the packets of an interface's addresses leave",
    needs: DYNAMIC,
    async run(world) {
      const { provider, node } = world;
      const { id } = await attached(world, await ensure(world));
      for (const reader of [provider, world.restart()]) {
        const one = await findInterface(reader, node, id);
        assert.ok(one !== undefined, "the node has it");
        const pool = await poolNamed(reader, node, one.pool);
        assert.match(one.mac ?? "", /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, "a MAC");
        assert.ok(
          one?.addresses.some(({ role }) => role === "primary"),
          "its own address",
        );
        const gateway = parseAddress(one.gateway ?? "0.0.0.0");
        assert.ok(
          pool?.cidrs.some((cidr) => parseCidr(cidr).contains(gateway)),
          "a router in its pool",
        );
      }
    },
  },
  {
    id: "cloud/ensure-again",
    sentence: "makes one interface for an intent, however often it is asked",
    needs: DYNAMIC,
    async run(world) {
      const { provider, node } = world;
      const intent = newIntent();
      const first = await ensure(world, callOf({ intent }));
      const before = (await inventoryOf(provider, node)).interfaces.length;
      const again = await ensure(world, callOf({ intent }), world.restart());
      assert.equal(again.id, first.id);
      assert.equal((await inventoryOf(provider, node)).interfaces.length, before);
      assert.deepEqual(await orphansOf(provider), []);
    },
  },
  {
    id: "cloud/goes-with-instance",
    sentence: "leaves nothing of an interface behind when its instance ends",
    needs: `${DYNAMIC} and terminate and interfaces`,
    async run(world) {
      const { node, provider, stage } = world;
      const { id } = await ensure(world);
      const shown = await findInterface(provider, node, id);
      assert.equal(shown?.deleteWithInstance, true);
      await stage.terminate(node);
      assert.ok(!(await stage.interfaces()).includes(id));
    },
  },
  {
    id: "cloud/flag-repaired",
    sentence: "shows an interface that would outlive its instance, and repairs it when it is ensured again",
    needs: `${DYNAMIC} and unflag`,
    async run(world) {
      const { node, provider, stage } = world;
      const intent = newIntent();
      const { id } = await ensure(world, callOf({ intent }));
      await stage.unflag(id);
      assert.equal((await findInterface(provider, node, id))?.deleteWithInstance, false);
      await ensure(world, callOf({ intent }), world.restart());
      assert.equal((await findInterface(provider, node, id))?.deleteWithInstance, true);
    },
  },
  {
    id: "cloud/index-taken",
    sentence: "takes another index where the one it is asked for is taken",
    needs: DYNAMIC,
    async run(world) {
      const { provider, node } = world;
      const { index } = await firstOf(provider, node);
      assert.ok(index !== undefined);
      const made = await provider.ensureInterface!({ ...requestOf(world), index }, callOf());
      assert.notEqual(made.index, index);
      await attached(world, made);
    },
  },
  {
    id: "cloud/index-gap",
    sentence: "finds an index where one before the last is free",
    needs: DYNAMIC,
    async run(world) {
      const { provider, node } = world;
      const [first, second] = [await ensure(world), await ensure(world)];
      await provider.removeInterface!({ node, interface: first.id }, callOf());
      const third = await ensure(world);
      assert.notEqual(third.index, second.index);
    },
  },
  {
    id: "cloud/remove",
    sentence: "removes an interface, whosever it is among our nodes, and leaves nothing of it",
    needs: DYNAMIC,
    async run(world) {
      const { provider, node } = world;
      const { id } = await ensure(world);
      await provider.removeInterface!({ interface: id }, callOf());
      assert.equal(await findInterface(provider, node, id), undefined);
      assert.deepEqual(await orphansOf(provider), []);
    },
  },
  {
    id: "cloud/remove-again",
    sentence: "has no objection to removing what is gone",
    needs: DYNAMIC,
    async run(world) {
      const { provider, node } = world;
      const { id } = await ensure(world);
      await provider.removeInterface!({ node, interface: id }, callOf());
      await provider.removeInterface!({ node, interface: id }, callOf());
    },
  },
  {
    id: "cloud/remove-primary",
    sentence: "never removes a first interface",
    needs: DYNAMIC,
    async run({ provider, node }) {
      const { id } = await firstOf(provider, node);
      await provider.removeInterface!({ node, interface: id }, callOf()).catch(() => undefined);
      assert.ok((await findInterface(provider, node, id)) !== undefined, "it is still there");
    },
  },
  untouched("cloud/remove-unmanaged", "nobody's mark", undefined),
  untouched("cloud/remove-other-cluster", "another cluster's mark", "other"),
  {
    id: "cloud/orphans",
    sentence: "finds our interfaces that are attached to nothing, and no others",
    needs: `${DYNAMIC} and place`,
    async run(world) {
      const { provider, stage } = world;
      const ours = await stage.place("conformance", undefined);
      await stage.place("other", undefined);
      await stage.place(undefined, undefined);
      assert.deepEqual(
        (await orphansOf(provider)).map((orphan) => orphan.interface),
        [ours],
      );
    },
  },
  {
    id: "cloud/orphans-detached",
    sentence: "takes no interface that is attached for an orphan",
    needs: `${DYNAMIC} and place`,
    async run(world) {
      const { provider, stage } = world;
      const { id } = await ensure(world);
      const orphan = await stage.place("conformance", undefined);
      const found = (await orphansOf(provider)).map((orphan) => orphan.interface);
      assert.ok(found.includes(orphan) && !found.includes(id), found.join(", "));
    },
  },
  {
    id: "cloud/orphans-pages",
    sentence: "finds every orphan, whatever the size of a page",
    needs: `${DYNAMIC} and place and pageSize`,
    async run({ provider, stage }) {
      const placed: string[] = [];
      for (let count = 0; count < 5; count++) placed.push(await stage.place("conformance", undefined));
      for (const size of [1, 2, 1000]) {
        stage.pageSize(size);
        const found = (await orphansOf(provider)).map((orphan) => orphan.interface);
        assert.deepEqual(found.toSorted(), placed.toSorted(), `pages of ${size}`);
      }
    },
  },
];

/** Reported as not ours, and left alone even where its removal is asked for. */
function untouched(id: string, mark: string, cluster: string | undefined): CloudCheck {
  return {
    id,
    sentence: `does not touch an interface that bears ${mark}`,
    needs: `${DYNAMIC} and place`,
    async run({ provider, node, stage }) {
      const strange = await stage.place(cluster, node);
      assert.equal((await findInterface(provider, node, strange))?.managed, false);
      await provider.removeInterface!({ node, interface: strange }, callOf()).catch(() => undefined);
      assert.ok((await findInterface(provider, node, strange)) !== undefined, "it is still there");
    },
  };
}
