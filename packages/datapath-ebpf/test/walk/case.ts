import assert from "node:assert/strict";
import { formatMac, type HookName } from "@netloom/core";
import { NatLimits } from "@netloom/core/backend";
import { dissect, macsOf, type Packet } from "../support/dissect.ts";
import { PROTOCOL } from "../support/packets.ts";
import type { WalkBench, BenchOptions, CreateBench, Device, Pass, PodName, Runner } from "./bench.ts";
import { tellChanges, tellEvent, type Told } from "./told.ts";
import { POD_ADDRESSES, World } from "./world.ts";

/** Known state, packets one after the other, and what each must do. */
export interface WalkCase {
  readonly name: string;
  readonly given?: (world: World) => void;
  readonly walk: readonly Step[];
  readonly options?: BenchOptions;
}

/** What a program said: the values of `enum tcx_verdict`, and TC_ACT_REDIRECT. */
const VERDICTS = { next: -1, accept: 0, drop: 2, redirect: 7 } as const;

export interface Step {
  /** Made when it is its turn where it must bear the port that was chosen at random before. */
  readonly packet: Uint8Array | ((port: number) => Uint8Array);
  readonly at: HookName;
  readonly device: Device;
  readonly mark?: number;
  readonly tunnel?: { readonly vni: number; readonly node: string };
  /** Changes the state before this packet. */
  readonly before?: ((world: World) => void) | undefined;
  readonly expect: Expectation;
}

/**
 * What is not said here is checked all the same: everything that did not change, checksums, time to live, MACs, the
 * ends and length in the event, one count of one packet.
 */
export interface Expectation {
  readonly verdict: keyof typeof VERDICTS;
  /** Why dropped; what became of it otherwise. Nothing for a packet that is none of the program's business. */
  readonly as?: string;
  /** Dropped or passed without a word. */
  readonly silent?: boolean;
  /**
   * The ends that the packet left with. `<port>` here and in `changes` stands for its source port, chosen at random
   * from those for masquerading. @defaultValue those it came with
   */
  readonly from?: string;
  readonly to?: string;
  /** The same of the packet in an ICMP error. */
  readonly inner?: readonly [from: string, to: string];
  /** Left to the stack without a word, but for another end. */
  readonly restored?: string;
  readonly changes?: readonly string[];
  readonly event?: Partial<Told>;
  readonly mark?: number;
  readonly also?: (pass: Pass, world: World) => void;
}

type How = Omit<Step, "packet" | "at" | "device" | "expect">;

export function fromPod(device: PodName, packet: Step["packet"], expect: Expectation, how: How = {}): Step {
  return { packet, at: "from-container", device, expect, ...how };
}

export function toPod(device: PodName, packet: Step["packet"], expect: Expectation, how: How = {}): Step {
  return { packet, at: "to-container", device, expect, ...how };
}

export function fromFabric(packet: Step["packet"], expect: Expectation, how: How = {}): Step {
  return { packet, at: "from-netdev", device: "uplink", expect, ...how };
}

export function toFabric(packet: Step["packet"], expect: Expectation, how: How = {}): Step {
  return { packet, at: "to-netdev", device: "uplink", expect, ...how };
}

export function fromTunnel(
  vni: number,
  node: string,
  packet: Step["packet"],
  expect: Expectation,
  how: How = {},
): Step {
  return { packet, at: "from-overlay", device: "overlay", tunnel: { vni, node }, expect, ...how };
}

/** One test for each case. */
export function walks(runner: Runner, create: CreateBench, title: string, cases: readonly WalkCase[]): void {
  runner.describe(title, () => {
    for (const one of cases) runner.it(one.name, () => walk(one, create));
  });
}

/** A step whose packet is made, and whose expectation names the port that was chosen. */
interface Made extends Step {
  readonly packet: Uint8Array;
}

async function walk(one: WalkCase, create: CreateBench): Promise<void> {
  await using bench = await create(one.options);
  await walkOn(bench, one);
}

/** The same on a bench that is there. */
export async function walkOn(bench: WalkBench, { given, walk: steps }: WalkCase): Promise<void> {
  const world = new World(bench);
  let port = 0;
  given?.(world);
  for (const [at, step] of steps.entries()) {
    step.before?.(world);
    const packet = typeof step.packet === "function" ? step.packet(port) : step.packet;
    const pass = await bench.send(packet, step);
    if (step.expect.from?.includes("<port>") === true) port = dissect(pass.packet).sourcePort;
    try {
      check({ ...step, packet, expect: withPort(step.expect, port) }, pass, world);
    } catch (error) {
      if (error instanceof Error) error.message = `packet ${at + 1}: ${error.message}`;
      throw error;
    }
  }
}

function withPort(expect: Expectation, port: number): Expectation {
  const { from, to, changes = [] } = expect;
  if (from?.includes("<port>") === true)
    assert(port >= NatLimits.NAT_PORT_MIN && port <= NatLimits.NAT_PORT_MAX, `port ${port}`);
  const put = (text: string): string => text.replaceAll("<port>", String(port));
  return {
    ...expect,
    changes: changes.map(put),
    ...(from === undefined ? {} : { from: put(from) }),
    ...(to === undefined ? {} : { to: put(to) }),
  };
}

function check(step: Made, pass: Pass, world: World): void {
  const { expect } = step;
  const events = pass.events.map(tellEvent);
  const verdict = Object.entries(VERDICTS).find(([, value]) => value === pass.verdict)?.[0] ?? pass.verdict;
  const [told] = events;
  const outcome = told === undefined ? undefined : told.outcome === "dropped" ? told.reason : told.outcome;
  assert.deepEqual(
    { verdict, as: expect.silent === true ? (outcome ?? expect.as) : outcome, events: events.length },
    {
      verdict: expect.verdict,
      as: expect.as,
      events: expect.silent === true || expect.as === undefined ? 0 : 1,
    },
  );
  assert.deepEqual(tellChanges(pass.before, pass.after, world.now()), [...(expect.changes ?? [])].sort());
  checkCounted(step, pass);
  if (expect.verdict !== "drop") checkPacket(step, pass, world);
  if (told !== undefined) checkEvent(step, pass, told, world);
  assert.equal(pass.mark, expect.mark ?? step.mark, "mark");
  expect.also?.(pass, world);
}

/** One count of one packet, or none. */
function checkCounted({ packet, expect }: Made, { counted }: Pass): void {
  const names =
    expect.as === undefined ? [] : [`${expect.verdict === "drop" ? "drop" : "forward"}:${expect.as}`];
  assert.deepEqual(
    counted,
    names.map((name) => ({ name, packets: 1n, bytes: BigInt(packet.length) })),
  );
}

function checkPacket(step: Made, pass: Pass, world: World): void {
  const { expect } = step;
  const isIp = ethertype(step.packet) === 0x0800;
  if (expect.restored !== undefined) {
    assert.deepEqual(gist(dissect(pass.packet)), { ...gist(dissect(step.packet)), to: expect.restored });
    assert.deepEqual(dissect(pass.packet).wrongChecksums, []);
    return;
  }
  if (expect.as === undefined || !isIp) {
    if (isIp || expect.verdict === "next") assert.deepEqual(pass.packet, step.packet);
    return;
  }
  const came = dissect(step.packet);
  const went = dissect(pass.packet);
  const routed = step.at !== (expect.as === "to-netdev" ? "to-netdev" : "to-container");
  const older = routed && (expect.as === "to-endpoint" || expect.as === "to-netdev");
  assert.deepEqual(gist(went), {
    ...gist(came),
    from: expect.from ?? gist(came).from,
    to: expect.to ?? gist(came).to,
    ttl: older ? came.ttl - 1 : came.ttl,
    inner: expect.inner ?? gist(came).inner,
  });
  assert.deepEqual(went.wrongChecksums, came.wrongChecksums, "checksums that are wrong");
  const pod = Object.entries(POD_ADDRESSES).find(([, address]) => address === went.destination);
  if (expect.as === "to-endpoint" && routed && pod !== undefined) {
    const { mac, gatewayMac } = world.bench.pods[pod[0] as PodName];
    assert.deepEqual(macsOf(pass.packet), { source: formatMac(gatewayMac), destination: formatMac(mac) });
  } else {
    assert.deepEqual(macsOf(pass.packet), macsOf(step.packet));
  }
}

/** A packet as cases speak of it. */
interface Gist extends Partial<Omit<Packet, "inner" | "payload">> {
  readonly from: string;
  readonly to: string;
  readonly ttl: number;
  readonly inner: readonly [from: string, to: string] | undefined;
  readonly payload: Uint8Array | undefined;
}

function gist(packet: Packet): Gist {
  const { source, sourcePort, destination, destinationPort, inner, wrongChecksums: _, ...same } = packet;
  return {
    ...same,
    from: `${source}:${sourcePort}`,
    to: `${destination}:${destinationPort}`,
    inner: inner === undefined ? undefined : [gist(inner).from, gist(inner).to],
    // Of an ICMP error the payload is the inner packet.
    payload: inner === undefined ? same.payload : undefined,
  };
}

function checkEvent(step: Made, pass: Pass, told: Told, world: World): void {
  const { expect, packet, at, device } = step;
  const expected: Record<string, unknown> = {
    hook: at,
    length: packet.length,
    ifindex: world.bench.ifindex(device),
    ...expect.event,
  };
  if (expect.verdict !== "drop") expected["line"] = 0;
  else assert.notEqual(told.line, 0, "the line of the drop");
  // What could not be read has no ends to compare; ICMP and later fragments have their ports elsewhere.
  const came = expect.as === "invalid-packet" ? undefined : dissect(packet);
  if (came?.first === true && came.protocol !== PROTOCOL.icmp) {
    Object.assign(expected, { from: gist(came).from, to: gist(came).to });
    if (expect.verdict !== "drop") {
      const went = gist(dissect(pass.packet));
      Object.assign(expected, { newFrom: went.from, newTo: went.to });
    }
  }
  const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, told[key as keyof Told]]));
  assert.deepEqual(seen, expected);
}

function ethertype(frame: Uint8Array): number {
  return (frame[12]! << 8) | frame[13]!;
}
