import assert from "node:assert/strict";
import { assign, callOf, cidrsOf, faultIn, inventoryOf, poolIds, type CloudCheck } from "./world.ts";

/** What is told of a node and its cloud. */
export const reading: readonly CloudCheck[] = [
  {
    id: "cloud/read-assigned",
    sentence: "shows what it assigned once, and ready",
    async run({ provider, node }) {
      const added = await assign(provider, node, 3);
      const { interfaces } = await inventoryOf(provider, node);
      const addresses = interfaces.flatMap((one) => one.addresses);
      for (const cidr of added) {
        const shown = addresses.filter((address) => address.cidr === cidr);
        assert.deepEqual(shown, [{ cidr, role: "secondary", ready: true }]);
      }
    },
  },
  {
    id: "cloud/read-own-node",
    sentence: "shows of a node nothing that is another's",
    async run({ provider, node, other }) {
      const [mine, others] = [await assign(provider, node, 2), await assign(provider, other, 2)];
      const [one, two] = [await inventoryOf(provider, node), await inventoryOf(provider, other)];
      assert.ok(others.every((cidr) => !cidrsOf(one).includes(cidr)));
      assert.ok(mine.every((cidr) => !cidrsOf(two).includes(cidr)));
      const ids = [...one.interfaces, ...two.interfaces].map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, "no interface is both's");
    },
  },
  {
    id: "cloud/pools",
    sentence: "lists a node's pool, and each pool once",
    async run({ provider, node, stage }) {
      const ids = await poolIds(provider, node);
      assert.ok(ids.includes(stage.pool), `${stage.pool} is among ${ids.join(", ")}`);
      assert.equal(new Set(ids).size, ids.length);
    },
  },
  {
    id: "cloud/pages",
    sentence: "lists every pool, whatever the size of a page",
    needs: "pageSize",
    async run({ provider, node, stage }) {
      stage.pageSize(1000);
      const ids = (await poolIds(provider, node)).toSorted();
      for (const size of [1, 2]) {
        stage.pageSize(size);
        assert.deepEqual((await poolIds(provider, node)).toSorted(), ids, `pages of ${size}`);
      }
    },
  },
  {
    id: "cloud/limits",
    sentence: "says how much an instance of a known type may have",
    async run({ provider, node }) {
      const limits = await provider.limits(node, callOf());
      assert.ok(limits !== undefined && limits.interfaces >= 1);
      for (const family of provider.capabilities.families)
        assert.ok((limits.slots[family] ?? 0) > 1, `room for pods of IPv${family}`);
    },
  },
  {
    id: "cloud/unknown-type",
    sentence: "says nothing of a type that the cloud does not know",
    async run({ provider, node }) {
      const unknown = { ...node, instanceType: "conformance.unknown" };
      assert.equal(await provider.limits(unknown, callOf()), undefined);
    },
  },
  {
    id: "cloud/gone",
    sentence: "has no inventory of an instance that is gone",
    needs: "terminate",
    async run({ provider, node, stage }) {
      await stage.terminate(node);
      assert.equal(await provider.readNode(node, callOf()), undefined);
    },
  },
  {
    id: "cloud/assign-gone",
    sentence: "says that an instance is gone which was to have addresses",
    needs: "terminate",
    async run({ provider, node, stage }) {
      const { interfaces } = await inventoryOf(provider, node);
      await stage.terminate(node);
      const { kind } = await faultIn(provider, "addresses for an instance that is gone", () =>
        provider.assign({ node, interface: interfaces[0]!.id, family: 4, prefix: 32, count: 1 }, callOf()),
      );
      assert.equal(kind, "gone");
    },
  },
  {
    id: "cloud/name-reused",
    sentence: "does not take a new instance for the one that had its node's name before",
    needs: "relaunch",
    async run({ provider, node, stage }) {
      await assign(provider, node, 2);
      const before = await inventoryOf(provider, node);
      const after = await inventoryOf(provider, await stage.relaunch(node));
      const ids = new Set(before.interfaces.map(({ id }) => id));
      assert.ok(after.interfaces.length > 0, "it has an interface");
      assert.ok(after.interfaces.every(({ id }) => !ids.has(id)));
      assert.equal(await provider.readNode(node, callOf()), undefined);
    },
  },
];
