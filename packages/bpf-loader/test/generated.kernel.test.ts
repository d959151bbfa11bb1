import { join } from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import { createMap, load, openPinnedMap } from "@netloom/bpf-loader";
import type { BpfMap, MapOfMaps, PerCpuMap, RingBuffer } from "@netloom/bpf-loader";
import { TemporaryBpffs, privileged } from "./fixtures.ts";
import { objectSpec } from "./objects.ts";
import { OBSERVED_HERE, dropEventCodec, encodeConfig, maps, vars } from "./objects/types.generated.ts";
import type { Counters, FlowKey, FlowValue } from "./objects/types.generated.ts";

const key: FlowKey = {
  source: { family: 4, bytes: new Uint8Array([10, 0, 0, 1]) },
  destination: { family: 6, bytes: new Uint8Array(16).fill(7) },
  sourcePort: 12_345,
  destinationPort: 443,
  protocol: 6,
};

const value: FlowValue = {
  directions: [
    { packets: 1n, bytes: 100n },
    { packets: 2n, bytes: 2n ** 60n },
  ],
  lastVerdict: 7,
  balance: -5,
  offsetNs: -1n,
  mac: "02:00:00:00:00:09",
  established: true,
  name: new Uint8Array(16).fill(65),
  history: [1, 2, 3],
  nested: { x: 4, y: 5n },
  tail: 6,
};

describe.skipIf(!privileged)("what bpf2ts generates", () => {
  it("gives maps, variables and configuration their types", async () => {
    using bpffs = new TemporaryBpffs();
    const spec = objectSpec("types").with({ config: encodeConfig({ backendCount: 7, strictMode: false }) });
    await using collection = await load(spec, { pinPath: bpffs.path });

    const flows = collection.map(maps.flowTable);
    expectTypeOf(flows).toEqualTypeOf<BpfMap<FlowKey, FlowValue>>();
    expect(flows.set(key, value).get(key)).toEqual(value);
    expect([...flows]).toEqual([[key, value]]);

    const totals = collection.map(maps.totals);
    expectTypeOf(totals).toEqualTypeOf<PerCpuMap<number, Counters>>();
    totals.fill(3, { packets: 2n, bytes: 3n });
    const sum = totals.sum(3, (a, b) => ({ packets: a.packets + b.packets, bytes: a.bytes + b.bytes }));
    expect(sum?.bytes).toBe(3n * BigInt(totals.cpus));

    const policies = collection.map(maps.policies);
    expectTypeOf(policies).toEqualTypeOf<MapOfMaps<number>>();
    using policy = createMap(maps.policies.inner, maps.policies.inner);
    expect(policies.set(1, policy).get(1)).toBe(policy.id);
    using pinned = openPinnedMap(join(bpffs.path, "policies"), maps.policies);
    expect(pinned.get(1)).toBe(policy.id);

    const drops = collection.map(maps.drops);
    expectTypeOf(drops).toEqualTypeOf<RingBuffer>();
    using reader = drops.reader((view, offset) => dropEventCodec.decode(view, offset));
    collection.program("observe").run({ packet: new Uint8Array(60) });
    expect(reader.drain()).toEqual([
      { timestamp: 7n + 2n, reason: 2, direction: -1, flags: 0, length: 60, point: OBSERVED_HERE },
    ]);
    expect(collection.variable(vars.dropsTotal).get()).toBe(1n);
  });
});
