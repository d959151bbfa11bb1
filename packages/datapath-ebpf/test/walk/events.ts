import assert from "node:assert/strict";
import { EventLevel } from "@netloom/core/backend";
import { arp, FLAG, frame, icmp, tcp, udp } from "../support/packets.ts";
import type { Device, Pass, Runner, Suite, WalkBench } from "./bench.ts";
import { A, B, NODE, WORLD, World } from "./world.ts";

const { SYN, ACK, FIN } = FLAG;
const client = `${A}:40000`;
const server = `${B}:80`;

type Level = keyof typeof LEVELS;

const LEVELS = {
  none: EventLevel.EVENTS_NONE,
  drops: EventLevel.EVENTS_DROPS,
  flows: EventLevel.EVENTS_FLOWS,
  all: EventLevel.EVENTS_ALL,
} as const;

/** A connection from its first packet to its last, and which of its packets a level tells of. */
const connection: readonly (readonly [device: Device, packet: Uint8Array, atFlows: boolean])[] = [
  ["a", tcp(client, server, { flags: SYN }), true],
  ["a", tcp(client, server, { flags: SYN }), false],
  ["b", tcp(server, client, { flags: SYN | ACK }), true],
  ["a", tcp(client, server, { flags: ACK }), false],
  ["b", tcp(server, client, { flags: ACK }), false],
  ["a", tcp(client, server, { flags: FIN | ACK }), true],
  ["b", tcp(server, client, { flags: FIN | ACK }), true],
  ["a", tcp(client, server, { flags: ACK }), false],
];

async function open(create: Parameters<Suite>[1], level: Level): Promise<{ bench: WalkBench; world: World }> {
  const bench = await create();
  const world = new World(bench);
  world.maps.settings.set(0, { events: LEVELS[level] });
  return { bench, world };
}

const send = (bench: WalkBench, device: Device, packet: Uint8Array): Promise<Pass> =>
  bench.send(packet, { at: "from-container", device });

function levels({ it }: Runner, create: Parameters<Suite>[1]): void {
  for (const level of ["none", "drops", "flows", "all"] as const) {
    it(`tell at level ${level} what it says, and are counted all the same`, async () => {
      const { bench, world } = await open(create, level);
      await using _ = bench;
      for (const [device, packet, atFlows] of connection) {
        const { events, counted } = await send(bench, device, packet);
        assert.equal(events.length, level === "all" || (level === "flows" && atFlows) ? 1 : 0);
        assert.deepEqual(
          counted.map(({ name }) => name),
          ["forward:to-endpoint"],
        );
      }
      world.policy("b", 20, [{ direction: "ingress", identity: 999 }]);
      for (let at = 0; at < 3; at++) {
        const { events, counted } = await send(bench, "a", udp(client, server));
        assert.equal(events.length, level === "none" ? 0 : 1);
        assert.deepEqual(
          counted.map(({ name }) => name),
          ["drop:policy-denied"],
        );
      }
    });
  }

  it("tell of a flow that lasts once in five seconds", async () => {
    const { bench, world } = await open(create, "flows");
    await using _ = bench;
    const sent = async (): Promise<number> => (await send(bench, "a", udp(client, server))).events.length;
    assert.deepEqual([await sent(), await sent()], [1, 0]);
    world.age([client, server], { reported: world.in(-4) });
    assert.equal(await sent(), 0);
    world.age([client, server], { reported: world.in(-6) });
    assert.deepEqual([await sent(), await sent()], [1, 0]);
  });

  it("tell of a new mapping, not of its next packets", async () => {
    const { bench } = await open(create, "flows");
    await using _ = bench;
    const sent = async (): Promise<number> => {
      const pass = await bench.send(udp(client, `${WORLD}:53`), { at: "to-netdev", device: "uplink" });
      return pass.events.length;
    };
    assert.deepEqual([await sent(), await sent()], [1, 0]);
  });

  it("tell nothing of what pods send by themselves", async () => {
    const { bench } = await open(create, "all");
    await using _ = bench;
    const silent = [
      arp({ mac: "02:00:00:00:00:01", address: A }, A),
      frame(0x86dd),
      udp(`${A}:5353`, "224.0.0.251:5353"),
    ];
    for (const packet of silent) {
      const { events, counted } = await send(bench, "a", packet);
      assert.deepEqual([events.length, counted.length], [0, 1]);
    }
  });
}

function contents({ it }: Runner, create: Parameters<Suite>[1]): void {
  it("bear the time, on the clock of the tables", async () => {
    const { bench, world } = await open(create, "all");
    await using _ = bench;
    const before = world.now();
    const [event] = (await send(bench, "a", tcp(client, server))).events;
    const time = Number(event!.time) / 1e6;
    assert(time >= before && time <= world.now(), `${before} <= ${time} <= ${world.now()}`);
  });

  it("bear all TCP flags, and the type of ICMP", async () => {
    const { bench } = await open(create, "all");
    await using _ = bench;
    const flags = async (packet: Uint8Array): Promise<number> =>
      (await send(bench, "a", packet)).events[0]!.tcpFlags;
    assert.equal(await flags(tcp(client, server, { flags: 0xff })), 0xff);
    assert.equal(await flags(icmp(A, B, { type: 13 })), 13);
    assert.equal(await flags(udp(client, server)), 0);
  });
}

function counts({ it }: Runner, create: Parameters<Suite>[1]): void {
  it("add up packets and bytes, by what became of them and by reason", async () => {
    const { bench, world } = await open(create, "none");
    await using _ = bench;
    world.policy("b", 20, [{ direction: "ingress", protocol: 6, port: 80 }]);
    const before = new Map(bench.datapath.metrics().map((metric) => [metric.name, metric]));
    const packets: readonly (readonly [string, Uint8Array])[] = [
      ["forward:to-endpoint", tcp(client, server)],
      ["forward:to-endpoint", tcp(client, server, { payload: new Uint8Array(900) })],
      ["drop:policy-denied", udp(client, server)],
      ["forward:to-netdev", udp(client, `${WORLD}:53`)],
      ["forward:to-stack", udp(client, `${NODE}:53`)],
      ["drop:invalid-source-ip", udp(`${WORLD}:1`, server)],
    ];
    const expected = new Map<string, { packets: bigint; bytes: bigint }>();
    for (const [name, packet] of packets) {
      await send(bench, "a", packet);
      const so = expected.get(name) ?? { packets: 0n, bytes: 0n };
      expected.set(name, { packets: so.packets + 1n, bytes: so.bytes + BigInt(packet.length) });
    }
    for (const [name, { packets, bytes }] of expected) {
      const now = bench.datapath.metrics().find((metric) => metric.name === name)!;
      assert.equal(now.packets - (before.get(name)?.packets ?? 0n), packets, name);
      assert.equal(now.bytes - (before.get(name)?.bytes ?? 0n), bytes, name);
    }
  });
}

export const events: Suite = (runner, create) => {
  runner.describe("events", () => levels(runner, create));
  runner.describe("what events say", () => contents(runner, create));
  runner.describe("metrics", () => counts(runner, create));
};
