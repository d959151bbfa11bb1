import assert from "node:assert/strict";
import type { Datapath } from "@netloom/core";
import { givesUp, refusal } from "../kit/reject.ts";
import { pause, within } from "../kit/wait.ts";
import { tablesOf } from "./tables.ts";
import { byName, PLAN, type DatapathCheck, type DatapathWorld } from "./world.ts";

/** From the first look at a node to the last trace. */
export const lifecycle: readonly DatapathCheck[] = [
  {
    id: "datapath/probe",
    sentence: "says before it starts what packets the node's uplink carries",
    async run({ create, node }) {
      const datapath = create();
      const { mtu, family } = await datapath.probe(node);
      assert.ok(Number.isInteger(mtu) && mtu >= 576, `an uplink of ${mtu} bytes`);
      assert.ok(family === 4 || family === 6, `IPv${String(family)}`);
    },
  },
  {
    id: "datapath/apply",
    sentence: "carries out one plan after the other, and the same again",
    async run({ start }) {
      const datapath = await start();
      const tunnel = { prefix: "10.78.0.0/24", node: "other", endpoint: "192.0.2.2" };
      const plans = [{ ...PLAN, tunnels: [tunnel] }, PLAN, { ...PLAN, overlay: undefined }, PLAN];
      for (const plan of plans) for (let time = 0; time < 2; time++) await datapath.apply(plan);
    },
  },
  {
    id: "datapath/start-twice",
    sentence: "starts twice without harm: tables and pods are as they were",
    async run(world) {
      const datapath = await world.start();
      const before = await furnish(world, datapath);
      await datapath.start(world.context);
      assert.deepEqual(await contents(datapath), before);
    },
  },
  {
    id: "datapath/survives",
    sentence: "goes on when the agent is gone: the next one finds tables and pods as they were",
    needs: "survivesAgent",
    async run(world) {
      const datapath = await world.start();
      const before = await furnish(world, datapath);
      assert.deepEqual(await contents(await world.restart(datapath)), before);
    },
  },
  {
    id: "datapath/uninstall",
    sentence: "takes every trace away: the next one finds nothing",
    async run(world) {
      const datapath = await world.start();
      await furnish(world, datapath);
      await datapath.uninstall();
      const { pods, entries } = await contents(await world.restart(datapath));
      assert.deepEqual([pods, entries], [[], []]);
    },
  },
  {
    id: "datapath/uninstall-twice",
    sentence: "can be uninstalled twice, and without having been started",
    async run({ create, start }) {
      await create().uninstall();
      const datapath = await start();
      for (let time = 0; time < 2; time++) await datapath.uninstall();
    },
  },
  {
    id: "datapath/closed-twice",
    sentence: "can be disposed twice, and without having been started",
    async run({ create, start }) {
      await create()[Symbol.asyncDispose]();
      const datapath = await start();
      for (let time = 0; time < 2; time++) await datapath[Symbol.asyncDispose]();
    },
  },
  {
    id: "datapath/abort",
    sentence: "gives up when it is told to, and has changed nothing",
    async run({ create, start, node, context, hook }) {
      const idle = create();
      await givesUp("probe", (signal) => idle.probe(node, { signal }));
      await givesUp("start", (signal) => idle.start(context, { signal }));
      const datapath = await start();
      const attachment = await datapath.attach(hook(1));
      await givesUp("attach", (signal) => datapath.attach(hook(2), { signal }));
      await givesUp("detach", (signal) => datapath.detach(hook(1).name, { signal }));
      await givesUp("apply", (signal) => datapath.apply(PLAN, { signal }));
      if (datapath.audit !== undefined)
        await givesUp("audit", (signal) => datapath.audit!(PLAN, [hook(1)], { signal }));
      await givesUp("uninstall", (signal) => datapath.uninstall({ signal }));
      assert.deepEqual(byName(await datapath.attachments()), byName([attachment]));
    },
  },
  {
    id: "datapath/metrics",
    sentence: "counts packets and bytes under names of their own, and never back",
    async run({ start }) {
      const datapath = await start();
      const first = datapath.metrics();
      const names = first.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, names.join(", "));
      for (const { name, packets, bytes } of first) {
        assert.ok(typeof packets === "bigint" && typeof bytes === "bigint", `${name} counts in bigints`);
        const later = datapath.metrics().find((metric) => metric.name === name);
        assert.ok(
          later !== undefined && later.packets >= packets && later.bytes >= bytes,
          `${name} went back`,
        );
      }
    },
  },
  {
    id: "datapath/now",
    sentence: "has a clock of milliseconds that never goes back",
    async run({ start }) {
      const datapath = await start();
      const began = [datapath.now(), performance.now()] as const;
      await pause(100);
      const passed = datapath.now() - began[0];
      const real = performance.now() - began[1];
      assert.ok(Math.abs(passed - real) < 50, `${real} ms passed, and it says ${passed}`);
    },
  },
  {
    id: "datapath/events-abort",
    sentence: "ends a reading of events that is called off, without an error",
    async run({ start, patience }) {
      const datapath = await start();
      const stop = new AbortController();
      const reading = readAll(datapath, stop.signal);
      await pause(5);
      stop.abort();
      await within(patience, "the reading ends", reading);
      await within(patience, "one that is called off before", readAll(datapath, AbortSignal.abort()));
    },
  },
  {
    id: "datapath/events-closed",
    sentence: "ends a reading of events when it is disposed",
    async run({ start, patience }) {
      const datapath = await start();
      const reading = readAll(datapath);
      await pause(5);
      await datapath[Symbol.asyncDispose]();
      await within(patience, "the reading ends", reading);
    },
  },
  {
    id: "datapath/run-refused",
    sentence: "says that no packets pass through it",
    needs: "no packets",
    async run({ start }) {
      const datapath = await start();
      await refusal("a packet", () => datapath.run(new Uint8Array(64), "from-container"), "ERR_UNSUPPORTED");
    },
  },
];

/** Two pods, and something in every table. */
async function furnish(
  world: DatapathWorld,
  datapath: Datapath,
): Promise<Awaited<ReturnType<typeof contents>>> {
  for (const number of [1, 2]) await datapath.attach(world.hook(number));
  for (const table of tablesOf(datapath.maps)) table.setMany([1, 2, 3]);
  return contents(datapath);
}

async function contents(
  datapath: Datapath,
): Promise<{ readonly pods: unknown; readonly entries: readonly string[] }> {
  return {
    pods: byName(await datapath.attachments()),
    entries: tablesOf(datapath.maps).flatMap((table) =>
      table.entries().map((entry) => `${table.name} ${entry}`),
    ),
  };
}

async function readAll(datapath: Datapath, signal?: AbortSignal): Promise<void> {
  for await (const batch of datapath.events(signal === undefined ? {} : { signal })) void batch;
}
