import {
  codecs,
  load,
  openProgramById,
  ProgArray,
  queryTcx,
  type Collection,
  type Program,
} from "@netloom/bpf-loader";
import type { Netns } from "@netloom/netlink";
import type { Clang } from "../lib/clang.ts";
import { FRAME_BYTES, octets } from "./frames.ts";

/** How `replay.bpf.c` brings a frame in: as it is, as another flow each time, or out of the tunnel. */
export type Way = "replay" | "replay_new" | "replay_tunnel";

export interface Shot {
  readonly frame: Uint8Array;
  /** Which program takes it: a name that {@link Replayer.aim} was given. */
  readonly target: string;
  readonly way: Way;
  readonly ifindex: number;
}

export interface Hit {
  readonly verdict: number;
  readonly packet: Uint8Array;
  /** Of one repeat, the way in included. */
  readonly nanoseconds: number;
}

/** New flows go to so many addresses in turn, as many to each as there are source ports. */
export const DESTINATIONS = 16;
export const FLOWS_OF_A_DESTINATION = 65_536;

/** Sends a frame through a program that is loaded, as often as one likes: each time it gets the same bytes. */
export class Replayer implements AsyncDisposable {
  readonly #netns: Netns;
  readonly #replay: Collection;
  readonly #targets: ProgArray;
  readonly #slots: string[] = [];
  readonly #opened: Program[] = [];

  private constructor(netns: Netns, replay: Collection, targets: ProgArray) {
    this.#netns = netns;
    this.#replay = replay;
    this.#targets = targets;
  }

  /** Runs happen in `netns`: interface indexes are its own. */
  static async load(clang: Clang, netns: Netns): Promise<Replayer> {
    const replay = await load(clang.bpf(new URL("replay.bpf.c", import.meta.url)));
    const targets = replay.map("targets");
    if (!(targets instanceof ProgArray)) throw new TypeError("targets is no program array");
    return new Replayer(netns, replay, targets);
  }

  /** The program stays the caller's. */
  aim(target: string, program: Program): void {
    this.#targets.set(this.#slots.push(target) - 1, program);
  }

  /** At the program that is attached to a device's ingress. */
  aimAtDevice(target: string, ifindex: number): void {
    const { programs } = queryTcx(ifindex, "ingress", { netns: this.#netns });
    const program = openProgramById(programs[0]!.programId);
    this.#opened.push(program);
    this.aim(target, program);
  }

  /** Which node's tunnel the frames of `replay_tunnel` come out of, and whose they are. */
  tunnel(node: string, identity: number): void {
    this.#set("tunnel_from", new DataView(Uint8Array.from(octets(node)).buffer).getUint32(0));
    this.#set("vni", identity);
  }

  /** Where new flows go from now on, and the number of the first: the same number is the same flow. */
  newFlows(addresses: readonly string[], first = 0): void {
    const bytes = Array.from({ length: DESTINATIONS }, (_, at) => octets(addresses[at % addresses.length]!));
    this.#replay.variable("destinations", codecs.bytes(4 * DESTINATIONS)).set(Uint8Array.from(bytes.flat()));
    this.#set("flow", first);
  }

  send({ frame, target, way, ifindex }: Shot, repeat = 1): Hit {
    this.#replay.variable("frame", codecs.bytes(FRAME_BYTES)).set(frame);
    this.#set("target", this.#slots.indexOf(target));
    const program = this.#replay.program(way);
    const options = { packet: frame, ctx: { ifindex, ingressIfindex: ifindex }, repeat };
    const { verdict, packet, nsPerRun } = this.#netns.run(() => program.run(options));
    return { verdict, packet, nanoseconds: nsPerRun };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#opened) program.close();
    await this.#replay[Symbol.asyncDispose]();
  }

  #set(name: string, value: number): void {
    this.#replay.variable(name, codecs.u32).set(value);
  }
}
