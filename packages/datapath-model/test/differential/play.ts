import { parseAddress, type DatapathEvent } from "@netloom/core";
import {
  Direction,
  encode,
  eventCodec,
  NatLimits,
  Outcome,
  type CtKey,
  type CtValue,
  type NatKey,
  type NatValue,
} from "@netloom/core/backend";
import { IpProtocol, TcxVerdict } from "@netloom/datapath-model";
import type { Input, KernelSide, Output } from "./kernel.ts";
import { answerEnds, arpFrame, errorAbout, frameOf, vary, type Ends } from "./frames.ts";
import type { ModelSide } from "./model.ts";
import { OTHER_NODE, placeOf, PODS, word, type Place } from "./places.ts";
import type { Action, Case, Conversation, Step, Variation } from "./steps.ts";
import { StateWriter, type State } from "./state.ts";
import { KEYS, sameConntrack, sameNat, show, watch, type Watched } from "./tables.ts";
import type { Tally } from "./tally.ts";

/** Where a conversation stands: the last packet that arrived at each end, as it arrived. */
interface Talk {
  readonly conversation: Conversation;
  atServer: Uint8Array | undefined;
  atClient: Uint8Array | undefined;
}

interface Sent {
  readonly packet: Uint8Array;
  readonly input: Input;
}

/** Where a packet is from that comes in by a device of the node's. */
const ENTRANCES: Readonly<Record<string, Place>> = { uplink: "world", tunnel: "remote" };
const ROUTER_ON_THE_WAY = "192.0.2.254";
/** Longer than this between two steps, and lifetimes might end in between on one side only. */
const MOST_MILLISECONDS = 400;
/** Counts are read for one case in so many: reading them takes as long as ten packets. */
const COUNT_EVERY = 8;

/** The two datapaths side by side: plays a case in both and compares after every packet. */
export class Duel {
  readonly #kernel: KernelSide;
  readonly #model: ModelSide;
  readonly #tally: Tally;
  readonly #writers: readonly StateWriter[];
  readonly #tables: readonly Watched[];
  #played = 0;
  #talks: Talk[] = [];
  /** Whose packet is on its way. */
  #talking: { readonly talk: Talk; readonly action: Action } | undefined;

  constructor(kernel: KernelSide, model: ModelSide, tally: Tally) {
    this.#kernel = kernel;
    this.#model = model;
    this.#tally = tally;
    this.#writers = [kernel.maps, model.datapath.maps].map((maps) => new StateWriter(maps, kernel.pods));
    const [inKernel, inModel] = [kernel.maps, model.datapath.maps];
    this.#tables = [
      watch({
        ...{ name: "conntrack", key: KEYS.conntrack, kernel: inKernel.conntrack, model: inModel.conntrack },
        same: sameConntrack,
      }),
      watch({ name: "nat", key: KEYS.nat, kernel: inKernel.nat, model: inModel.nat, same: sameNat }),
      watch({
        ...{
          name: "fragments",
          key: KEYS.fragments,
          kernel: kernel.fragments,
          model: model.datapath.fragments,
        },
        same: (a, b) => show(a) === show(b),
      }),
    ];
  }

  /** @throws with the first difference. */
  play(game: Case): void {
    this.#kernel.within(() => {
      for (const table of this.#tables) table.clear();
      for (const writer of this.#writers) writer.write(game.state);
      this.#kernel.discardEvents();
      this.#talks = game.conversations.map((conversation) => ({
        conversation,
        atServer: undefined,
        atClient: undefined,
      }));
      const counted = this.#played++ % COUNT_EVERY === 0 ? this.#counts() : undefined;
      try {
        for (const [at, step] of game.steps.entries()) this.#step(game.state, step, at);
        this.#check(
          "at the end",
          this.#tables.flatMap((table) => table.compareAll()),
        );
        if (counted !== undefined) this.#check("at the end", differentCounts(counted, this.#counts()));
      } finally {
        for (const writer of this.#writers) writer.erase(game.state);
      }
    });
  }

  #step(state: State, step: Step, at: number): void {
    switch (step.kind) {
      case "packet": {
        this.#pass(this.#packet(step), `step ${at}`);
        return;
      }
      case "arp": {
        const { pod, target, operation, length } = step;
        const { ifindex } = this.#kernel.pods[pod]!;
        this.#talking = undefined;
        const packet = arpFrame(PODS[pod]!, target, operation, length);
        this.#pass(
          { packet, input: { at: "from-container", ifindex, mark: 0, tunnel: undefined } },
          `step ${at}`,
        );
        return;
      }
      case "age":
        this.#age(BigInt(Math.round(step.seconds * 1e9)));
        return;
      case "pod":
        for (const writer of this.#writers) writer.pod(state, step.pod, step.state);
        return;
      case "backend":
        for (const writer of this.#writers) writer.backend(step.at, step.choice);
        return;
      case "service":
        for (const writer of this.#writers) writer.service(step.at, step.choice);
        return;
      case "events":
        for (const { settings } of [this.#kernel.maps, this.#model.datapath.maps]) {
          settings.set(0, { events: step.level });
        }
        return;
      case "forget":
        this.#forget(step.table, step.at);
    }
  }

  /** The packet of a step, and where it comes in. */
  #packet({ conversation, action, how }: Extract<Step, { kind: "packet" }>): Sent {
    const talk = this.#talks[conversation]!;
    const act = possible(talk, action);
    const { source, destination, frame } = build(talk, act, how);
    this.#talking = { talk, action: act };
    const packet = vary(frame, how);
    return { packet, input: this.#input(source, destination, talk.conversation.vni, how) };
  }

  #input(source: string, destination: string, vni: number, how: Variation): Input {
    const pods = this.#kernel.pods;
    const device = (address: string): number => {
      const pod = (PODS as readonly string[]).indexOf(address);
      return pods[(Math.max(pod, 0) + (how.device === "other" ? 1 : 0)) % pods.length]!.ifindex;
    };
    const { mark } = how;
    switch (ENTRANCES[how.device] ?? placeOf(source)) {
      case "pod":
        return { at: "from-container", ifindex: device(source), mark, tunnel: undefined };
      case "remote": {
        const tunnel = how.device === "other" ? undefined : { id: vni, remote: word(OTHER_NODE) };
        return { at: "from-overlay", ifindex: this.#kernel.overlay, mark, tunnel };
      }
      case "node":
        return placeOf(destination) === "pod"
          ? { at: "to-container", ifindex: device(destination), mark, tunnel: undefined }
          : { at: "to-netdev", ifindex: this.#kernel.uplink, mark, tunnel: undefined };
      case "world":
        return { at: "from-netdev", ifindex: this.#kernel.uplink, mark, tunnel: undefined };
    }
  }

  /** One packet through one program of both; then on, as the node would hand it on. */
  #pass({ packet, input }: Sent, where: string): void {
    const before = performance.now();
    const kernel = this.#kernel.run(packet, input);
    if (performance.now() - before > MOST_MILLISECONDS) throw new Paused();
    if (input.at === "to-netdev" || input.at === "from-netdev")
      this.#model.chosenPort = this.#chosenPort(packet, kernel);
    const model = this.#model.run(packet, input, kernelNow());
    const found = differences(kernel, model);
    for (const table of this.#tables) if (table.touched.size > 0) found.push(...table.compareTouched());
    if (found.length > 0) this.#check(`${where}, ${show(input)}, packet ${hex(packet)}`, found);
    this.#tally.add(input.at, model);
    if (model.verdict === TcxVerdict.DROP) return;
    const [event] = model.events;
    if (event?.outcome === Outcome.OUTCOME_TO_NETDEV && input.at === "from-container") {
      const next: Input = {
        at: "to-netdev",
        ifindex: this.#kernel.uplink,
        mark: model.mark,
        tunnel: undefined,
      };
      this.#pass({ packet: model.packet, input: next }, `${where}, at the uplink`);
      return;
    }
    this.#arrived(model.packet);
  }

  /** What the kernel took for the source port, or for the identifier of an echo, where it had to choose. */
  #chosenPort(packet: Uint8Array, { verdict, packet: out }: Output): number {
    if (packet.length < 42 || !isIpv4(packet)) return NatLimits.NAT_PORT_MIN;
    // A packet that was dropped afterwards does not show it.
    const { source, destination, sourcePort, destinationPort, protocol } = answerEnds(packet);
    const port =
      verdict === TcxVerdict.DROP
        ? this.#kernel.maps.nat.get({
            source: parseAddress(destination),
            destination: parseAddress(source),
            sourcePort: destinationPort,
            destinationPort: protocol === IpProtocol.ICMP ? 0 : sourcePort,
            protocol,
            direction: Direction.DIRECTION_EGRESS,
          })?.port
        : answerEnds(out).destinationPort;
    return Math.max(port ?? 0, NatLimits.NAT_PORT_MIN);
  }

  /** Notes a packet at the end of the conversation that it is for. */
  #arrived(packet: Uint8Array): void {
    if (!isIpv4(packet) || this.#talking === undefined) return;
    const { talk, action } = this.#talking;
    if (action === "forward" || action === "acknowledge") talk.atServer = packet;
    else if (action === "reply") talk.atClient = packet;
  }

  #check(where: string, differences: readonly string[]): void {
    if (differences.length > 0) throw new Error(`${where}:\n  ${differences.join("\n  ")}`);
  }

  /** Lets time pass for what is remembered. */
  #age(by: bigint): void {
    const older = (instant: bigint): bigint => (instant > by ? instant - by : 0n);
    for (const { conntrack, nat } of [this.#kernel.maps, this.#model.datapath.maps]) {
      conntrack.setMany(
        [...conntrack.entries()].map(([key, value]): [CtKey, CtValue] => [
          key,
          { ...value, expires: older(value.expires), reported: older(value.reported) },
        ]),
      );
      nat.setMany(
        [...nat.entries()].map(([key, value]): [NatKey, NatValue] => [
          key,
          { ...value, expires: older(value.expires) },
        ]),
      );
    }
  }

  #forget(table: "conntrack" | "nat", at: number): void {
    const [kernel, model] = [this.#kernel.maps[table], this.#model.datapath.maps[table]];
    const entry = [...model.entries()][at];
    if (entry === undefined) return;
    for (const map of [kernel, model]) (map.delete as (key: unknown) => boolean)(entry[0]);
  }

  #counts(): readonly (readonly string[])[] {
    return [this.#kernel.datapath, this.#model.datapath].map((datapath) =>
      datapath.metrics().map(({ name, packets, bytes }) => `${name} ${packets} ${bytes}`),
    );
  }
}

/** The machine stood still: what happened meanwhile says nothing. */
export class Paused extends Error {}

function differences(kernel: Output, model: Output): string[] {
  const found: string[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) found.push(`${what}: kernel ${show(a)}, model ${show(b)}`);
  };
  compare("verdict", kernel.verdict, model.verdict);
  if (Buffer.compare(kernel.packet, model.packet) !== 0)
    compare("bytes", hex(kernel.packet), hex(model.packet));
  compare("mark", kernel.mark, model.mark);
  if (kernel.events.map(bytesOf).join() !== model.events.map(bytesOf).join()) {
    compare("events", kernel.events.map(told).join("; "), model.events.map(told).join("; "));
  }
  return found;
}

/** But for when, and where in the C source. */
function timeless(event: DatapathEvent): DatapathEvent {
  return { ...event, time: 0n, file: 0, line: 0 };
}

function bytesOf(event: DatapathEvent): string {
  return encode(eventCodec, timeless(event));
}

function told(event: DatapathEvent): string {
  return show(timeless(event));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** CLOCK_MONOTONIC, in milliseconds. */
function kernelNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function isIpv4(packet: Uint8Array): boolean {
  return packet[12] === 0x08 && packet[13] === 0x00;
}

function differentCounts(
  [kernelBefore, modelBefore]: readonly (readonly string[])[],
  [kernelAfter, modelAfter]: readonly (readonly string[])[],
): string[] {
  const kernel = grown(kernelBefore!, kernelAfter!).join(", ");
  const model = grown(modelBefore!, modelAfter!).join(", ");
  return kernel === model ? [] : [`counts: kernel ${kernel}, model ${model}`];
}

function grown(before: readonly string[], after: readonly string[]): string[] {
  const read = (lines: readonly string[]): Map<string, [bigint, bigint]> =>
    new Map(lines.map((line) => line.split(" ")).map(([name, a, b]) => [name!, [BigInt(a!), BigInt(b!)]]));
  const old = read(before);
  return [...read(after)].flatMap(([name, [packets, bytes]]) => {
    const [p, b] = old.get(name) ?? [0n, 0n];
    return packets === p ? [] : [`${name} ${packets - p} ${bytes - b}`];
  });
}

interface Built {
  readonly source: string;
  readonly destination: string;
  readonly frame: Uint8Array;
}

/** What answers something is the client's next packet where there is nothing to answer yet. */
function possible(talk: Talk, action: Action): Action {
  const answered = action === "acknowledge" || action === "client-error" ? talk.atClient : talk.atServer;
  return answered === undefined ? "forward" : action;
}

function build(talk: Talk, action: Action, how: Variation): Built {
  const { client, server, clientPort, serverPort, protocol } = talk.conversation;
  const answered = action === "acknowledge" || action === "client-error" ? talk.atClient : talk.atServer;
  const ends = { source: client, destination: server, sourcePort: clientPort, destinationPort: serverPort };
  if (action === "impostor") {
    const frame = frameOf(reversed(ends), protocol, true, how);
    return { source: server, destination: client, frame };
  }
  if (action === "impostor-error") {
    const about = frameOf(ends, protocol, false, how);
    return { source: server, destination: client, frame: errorAbout(about, server, client, how) };
  }
  if (action === "forward" || answered === undefined) {
    return { source: client, destination: server, frame: frameOf(ends, protocol, false, how) };
  }
  const back = answerEnds(answered);
  if (action === "reply" || action === "acknowledge") {
    return { ...back, frame: frameOf(back, back.protocol, action === "reply", how) };
  }
  const { source, destination } = back;
  const from = action === "router-error" ? ROUTER_ON_THE_WAY : source;
  return { source: from, destination, frame: errorAbout(answered, from, destination, how) };
}

function reversed({ source, destination, sourcePort, destinationPort }: Ends): Ends {
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
}
