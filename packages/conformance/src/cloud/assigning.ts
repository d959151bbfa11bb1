import assert from "node:assert/strict";
import { formatCidr, parseCidr } from "@netloom/core";
import {
  assign,
  callOf,
  cidrsOf,
  faultIn,
  firstOf,
  freeAddress,
  inventoryOf,
  newIntent,
  sorted,
  wantedOf,
  type CloudCheck,
} from "./world.ts";

/** Addresses that come and go. */
export const assigning: readonly CloudCheck[] = [
  {
    id: "cloud/assign-new",
    sentence: "answers with exactly what is new, canonical, and of the interface's pool",
    async run({ provider, node }) {
      await assign(provider, node, 1);
      const before = cidrsOf(await inventoryOf(provider, node));
      const added = await assign(provider, node, 3);
      const after = cidrsOf(await inventoryOf(provider, node));
      assert.deepEqual(sorted(added), sorted(after.filter((cidr) => !before.includes(cidr))));
      assert.equal(added.length, 3, "as many as were asked for");
      const { pool } = await firstOf(provider, node);
      for await (const { id, cidrs } of provider.pools(node, callOf())) {
        if (id !== pool) continue;
        for (const cidr of added) {
          assert.equal(formatCidr(parseCidr(cidr)), cidr);
          assert.ok(cidrs.some((whole) => parseCidr(whole).containsCidr(parseCidr(cidr))));
        }
      }
    },
  },
  {
    id: "cloud/assign-blocks",
    sentence: "assigns whole blocks, of the length it declares, that overlap nothing",
    needs: "blocks",
    async run({ provider, node }) {
      await assign(provider, node, 2);
      const before = cidrsOf(await inventoryOf(provider, node)).map((cidr) => parseCidr(cidr));
      const added = await assign(provider, node, 2, callOf(), "block");
      const { prefix } = wantedOf(provider, 1, "block");
      const blocks = added.map((cidr) => parseCidr(cidr));
      assert.deepEqual(
        blocks.map((block) => block.prefix),
        [prefix, prefix],
      );
      assert.ok(!blocks[0]!.overlaps(blocks[1]!));
      assert.ok(blocks.every((block) => before.every((other) => !block.overlaps(other))));
      const { interfaces } = await inventoryOf(provider, node);
      const shown = interfaces.flatMap(({ addresses }) => addresses).filter(({ role }) => role === "block");
      assert.deepEqual(sorted(shown.map(({ cidr }) => cidr)), sorted(added));
    },
  },
  {
    id: "cloud/assign-partly",
    sentence: "says so where it assigned fewer than it was asked for, or assigns none and fails",
    async run({ provider, node }) {
      const limits = await provider.limits(node, callOf());
      const { family } = wantedOf(provider, 1, "single");
      const before = cidrsOf(await inventoryOf(provider, node));
      const many = (limits?.slots[family] ?? 0) + 5;
      const added = await assign(provider, node, many).catch(() => []);
      const after = cidrsOf(await inventoryOf(provider, node));
      assert.deepEqual(sorted(after), sorted([...before, ...added]));
    },
  },
  {
    id: "cloud/assign-exact",
    sentence: "assigns exactly what it is asked for",
    needs: "exact and release",
    async run(world) {
      const { provider, node } = world;
      const { id } = await firstOf(provider, node);
      const free = await freeAddress(world, id);
      const request = { node, interface: id, ...wantedOf(provider, 1, "single"), exact: [free] };
      assert.deepEqual(await provider.assign(request, callOf()), [free]);
      assert.ok(cidrsOf(await inventoryOf(provider, node)).includes(free));
    },
  },
  {
    id: "cloud/assign-exact-again",
    sentence: "assigns nothing more where the same is asked for again",
    needs: "exact and release",
    async run(world) {
      const { provider, node } = world;
      const { id } = await firstOf(provider, node);
      const free = await freeAddress(world, id);
      const request = { node, interface: id, ...wantedOf(provider, 1, "single"), exact: [free] };
      const intent = newIntent();
      await provider.assign(request, callOf({ intent }));
      const before = cidrsOf(await inventoryOf(provider, node));
      assert.deepEqual(await provider.assign(request, callOf({ intent })), [free]);
      assert.deepEqual(sorted(cidrsOf(await inventoryOf(provider, node))), sorted(before));
    },
  },
  {
    id: "cloud/assign-taken",
    sentence: "refuses an address that another interface has",
    needs: "exact",
    async run({ provider, node, other }) {
      const [taken] = await assign(provider, other, 1);
      const { id } = await firstOf(provider, node);
      const request = { node, interface: id, ...wantedOf(provider, 1, "single"), exact: [taken!] };
      const fault = await faultIn(provider, "another's address", () => provider.assign(request, callOf()));
      assert.deepEqual(fault, { kind: "conflict", what: "in-use" });
      assert.ok(!cidrsOf(await inventoryOf(provider, node)).includes(taken!));
    },
  },
  {
    id: "cloud/unassign",
    sentence: "takes away what it is told to, and nothing else",
    needs: "release",
    async run({ provider, node }) {
      const added = await assign(provider, node, 3);
      const { id } = await firstOf(provider, node);
      const before = cidrsOf(await inventoryOf(provider, node));
      await provider.unassign!({ node, interface: id, cidrs: added.slice(0, 2) }, callOf());
      const after = cidrsOf(await inventoryOf(provider, node));
      assert.deepEqual(sorted(after), sorted(before.filter((cidr) => !added.slice(0, 2).includes(cidr))));
    },
  },
  {
    id: "cloud/unassign-again",
    sentence: "has no objection to taking away what is not there, and takes away the rest",
    needs: "release",
    async run({ provider, node }) {
      const [first, second] = await assign(provider, node, 2);
      const { id } = await firstOf(provider, node);
      await provider.unassign!({ node, interface: id, cidrs: [first!] }, callOf());
      await provider.unassign!({ node, interface: id, cidrs: [first!, second!] }, callOf());
      assert.ok(!cidrsOf(await inventoryOf(provider, node)).includes(second!));
    },
  },
  {
    id: "cloud/unassign-primary",
    sentence: "never takes away a primary address",
    needs: "release",
    async run({ provider, node }) {
      const { id, addresses } = await firstOf(provider, node);
      const primary = addresses.find(({ role }) => role === "primary")!.cidr;
      await provider.unassign!({ node, interface: id, cidrs: [primary] }, callOf()).catch(() => undefined);
      assert.ok(cidrsOf(await inventoryOf(provider, node)).includes(primary));
    },
  },
];
