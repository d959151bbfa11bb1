import assert from "node:assert/strict";
import { byName, PLAN, type DatapathCheck } from "./world.ts";

/** Pods' interfaces. */
export const attachments: readonly DatapathCheck[] = [
  {
    id: "datapath/attach",
    sentence: "gives each pod an interface of its own, and lists them",
    async run({ start, hook }) {
      const datapath = await start();
      const [one, two] = [await datapath.attach(hook(1)), await datapath.attach(hook(2))];
      assert.deepEqual([one.name, two.name], [hook(1).name, hook(2).name]);
      const macs = [one.mac, one.gatewayMac, two.mac, two.gatewayMac];
      assert.equal(new Set(macs).size, 4, "every end has a MAC address of its own");
      for (const mac of macs) assert.equal(Math.floor(mac / 2 ** 40) % 2, 0, "none is a group's");
      assert.notEqual(one.ifindex, two.ifindex);
      assert.notEqual(one.interface, two.interface);
      for (const { ifindex } of [one, two]) assert.ok(Number.isInteger(ifindex) && ifindex > 0, `${ifindex}`);
      assert.deepEqual(byName(await datapath.attachments()), byName([one, two]));
    },
  },
  {
    id: "datapath/attach-twice",
    sentence: "attaches the same pod twice without harm",
    async run({ start, hook }) {
      const datapath = await start();
      const first = await datapath.attach(hook(1));
      assert.deepEqual({ ...(await datapath.attach(hook(1))) }, { ...first });
      assert.equal((await datapath.attachments()).length, 1);
    },
  },
  {
    id: "datapath/detach",
    sentence: "takes a pod's interface away, leaves the others, and can make it anew",
    async run({ start, hook }) {
      const datapath = await start();
      await datapath.attach(hook(1));
      const other = await datapath.attach(hook(2));
      await datapath.detach(hook(1).name);
      assert.deepEqual(byName(await datapath.attachments()), byName([other]));
      const again = await datapath.attach(hook(1));
      assert.deepEqual(byName(await datapath.attachments()), byName([again, other]));
    },
  },
  {
    id: "datapath/detach-absent",
    sentence: "has nothing to detach where nothing is attached, and says nothing of it",
    async run({ start, hook }) {
      const datapath = await start();
      await datapath.detach("default/nobody");
      await datapath.attach(hook(1));
      for (let time = 0; time < 2; time++) await datapath.detach(hook(1).name);
    },
  },
  {
    id: "datapath/audit-clean",
    sentence: "finds nothing amiss where nobody has changed anything",
    needs: "audit",
    async run({ start, hook }) {
      const datapath = await start();
      const hooks = [hook(1), hook(2)];
      for (const one of hooks) await datapath.attach(one);
      for (let time = 0; time < 2; time++) assert.deepEqual(await datapath.audit!(PLAN, hooks), []);
    },
  },
  {
    id: "datapath/audit-repair",
    sentence: "brings back a pod's interface that is gone, and tells of it once",
    needs: "audit",
    async run({ start, hook }) {
      const datapath = await start();
      const hooks = [hook(1), hook(2)];
      for (const one of hooks) await datapath.attach(one);
      await datapath.detach(hook(1).name);
      const drifts = await datapath.audit!(PLAN, hooks);
      assert.ok(
        drifts.some(({ problem }) => problem === "missing"),
        `something was missing, and it found ${JSON.stringify(drifts)}`,
      );
      const names = byName(await datapath.attachments()).map(({ name }) => name);
      assert.deepEqual(names, [hook(1).name, hook(2).name]);
      assert.deepEqual(await datapath.audit!(PLAN, hooks), []);
    },
  },
];
