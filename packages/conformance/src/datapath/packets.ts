import assert from "node:assert/strict";
import {
  parseAddress,
  readMac,
  type Attachment,
  type Datapath,
  type DatapathEvent,
  type RunResult,
} from "@netloom/core";
import { Direction, EventLevel, PolicyShape, type EndpointValue } from "@netloom/core/backend";
import { within } from "../kit/wait.ts";
import { tcpFrame } from "./frames.ts";
import { at } from "./tables.ts";
import { addressOf, type DatapathCheck, type DatapathWorld } from "./world.ts";

/** What a program returns for a packet that goes no further (`TCX_DROP` of `linux/bpf.h`). */
const DROP = 2;
const SYN = 2;
const SYN_ACK = 18;
/** No tunnel. */
const NOWHERE = parseAddress("::");

/** What becomes of packets between two pods of one node. */
export const packets: readonly DatapathCheck[] = [
  {
    id: "datapath/run-allowed",
    sentence: "sends an allowed packet to the pod it is for, as its gateway would",
    needs: "packets",
    async run(world) {
      const bench = await open(world);
      const { verdict, packet } = await bench.send(1, 2);
      assert.notEqual(verdict, DROP);
      const view = new DataView(packet.buffer, packet.byteOffset);
      const { mac, gatewayMac } = bench.pods[1]!;
      assert.deepEqual([readMac(view, 0), readMac(view, 6)], [mac, gatewayMac], "MAC addresses");
      assert.equal(view.getUint8(22), 63, "time to live");
    },
  },
  {
    id: "datapath/run-denied-egress",
    sentence: "drops what the sender's policy does not allow",
    needs: "packets",
    async run(world) {
      const bench = await open(world);
      bench.endpoint(1, { egressShape: 0, policy: 11 });
      assert.equal((await bench.send(1, 2)).verdict, DROP);
      bench.allow(11, "egress", 302);
      assert.notEqual((await bench.send(1, 2)).verdict, DROP, "a rule allows it");
    },
  },
  {
    id: "datapath/run-denied-ingress",
    sentence: "drops what the receiver's policy does not allow",
    needs: "packets",
    async run(world) {
      const bench = await open(world);
      bench.endpoint(2, { ingressShape: 0, policy: 12 });
      assert.equal((await bench.send(1, 2)).verdict, DROP);
      bench.allow(12, "ingress", 301);
      assert.notEqual((await bench.send(1, 2)).verdict, DROP, "a rule allows it");
    },
  },
  {
    id: "datapath/run-spoofed",
    sentence: "drops what a pod sends under another's address",
    needs: "packets",
    async run(world) {
      const bench = await open(world);
      assert.equal((await bench.send(1, 2, { as: 3 })).verdict, DROP, "another pod's");
      assert.equal((await bench.send(1, 2, { as: 99 })).verdict, DROP, "nobody's");
    },
  },
  {
    id: "datapath/run-reply",
    sentence: "lets the answer to an allowed packet back, whatever policy says of that direction",
    needs: "packets",
    async run(world) {
      const bench = await open(world);
      bench.endpoint(1, { ingressShape: 0, policy: 11 });
      bench.endpoint(2, { egressShape: 0, policy: 12 });
      assert.equal((await bench.send(2, 1, { flags: SYN_ACK })).verdict, DROP, "nothing to answer");
      assert.notEqual((await bench.send(1, 2)).verdict, DROP);
      assert.notEqual((await bench.send(2, 1, { flags: SYN_ACK })).verdict, DROP);
    },
  },
  {
    id: "datapath/run-event",
    sentence: "tells of a packet that it dropped: whose, whereto and why",
    needs: "packets",
    async run(world) {
      const bench = await open(world);
      bench.endpoint(2, { ingressShape: 0, policy: 12 });
      const stop = new AbortController();
      const events = bench.datapath.events({ signal: stop.signal });
      const told = firstOf(events, ({ reason }) => reason !== 0);
      await bench.send(1, 2);
      const event = await within(world.patience, "an event comes", told);
      stop.abort();
      assert.deepEqual(
        [
          event.source.toString(),
          event.destination.toString(),
          event.sourceIdentity,
          event.destinationIdentity,
        ],
        [addressOf(1), addressOf(2), 301, 302],
      );
    },
  },
  {
    id: "datapath/run-metrics",
    sentence: "counts a packet that it dropped",
    needs: "packets",
    async run(world) {
      const bench = await open(world);
      bench.endpoint(2, { ingressShape: 0, policy: 12 });
      const total = (): bigint =>
        bench.datapath.metrics().reduce((sum, { packets: count }) => sum + count, 0n);
      const before = total();
      await bench.send(1, 2);
      assert.ok(total() > before, "some counter has grown");
    },
  },
];

interface Bench {
  readonly datapath: Datapath;
  readonly pods: readonly Attachment[];
  endpoint(number: number, changes: Partial<EndpointValue>): void;
  allow(policy: number, direction: "egress" | "ingress", identity: number): void;
  send(from: number, to: number, how?: { readonly as?: number; readonly flags?: number }): Promise<RunResult>;
}

/** Three pods who may talk to each other: identities 301, 302, 303. */
async function open(world: DatapathWorld): Promise<Bench> {
  const datapath = await world.start();
  const { maps } = datapath;
  maps.settings.set(0, { events: EventLevel.EVENTS_ALL });
  const pods: Attachment[] = [];
  for (const number of [1, 2, 3]) pods.push(await datapath.attach(world.hook(number)));
  const podOf = (number: number): Attachment => pods[number - 1]!;
  const bench: Bench = {
    datapath,
    pods,
    endpoint(number, changes) {
      const { ifindex, mac, gatewayMac } = podOf(number);
      maps.endpoints.set(
        { address: at(10 + number) },
        {
          ...{ ifindex, mac, gatewayMac, id: number, identity: 300 + number, flags: 0, policy: 7 },
          table: 0,
          egressShape: PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW,
          ingressShape: PolicyShape.POLICY_SHAPE_DEFAULT_ALLOW,
          ...changes,
        },
      );
    },
    allow(policy, direction, identity) {
      const side = { egress: Direction.DIRECTION_EGRESS, ingress: Direction.DIRECTION_INGRESS }[direction];
      // The shape says which probes there are: any protocol, any port of this peer.
      const key = { policy, identity, direction: side, protocol: 0, portBits: 0, port: 0 };
      maps.policy.set(key, { deny: 0, rule: 1 });
      const shapes = { egress: "egressShape", ingress: "ingressShape" } as const;
      bench.endpoint(policy - 10, { policy, [shapes[direction]]: PolicyShape.POLICY_SHAPE_ANY_PROTOCOL });
    },
    send(from, to, { as = from, flags = SYN } = {}) {
      const { ifindex, mac, gatewayMac } = podOf(from);
      const frame = tcpFrame({
        from: { address: addressOf(as), mac, port: flags === SYN ? 40_000 : 80 },
        to: { address: addressOf(to), mac: gatewayMac, port: flags === SYN ? 80 : 40_000 },
        flags,
      });
      return datapath.run(frame, "from-container", { ifindex });
    },
  };
  for (const number of [1, 2, 3]) {
    bench.endpoint(number, {});
    maps.ipcache.set({ address: at(10 + number) }, { identity: 300 + number, flags: 0, tunnel: NOWHERE });
  }
  return bench;
}

async function firstOf(
  events: AsyncIterable<readonly DatapathEvent[]>,
  fits: (event: DatapathEvent) => boolean,
): Promise<DatapathEvent> {
  for await (const batch of events) {
    const found = batch.find(fits);
    if (found !== undefined) return found;
  }
  throw new Error("the events ended");
}
