import { systemClock, type Clock, type Random } from "../clock.ts";
import { tcp } from "../transport/tcp.ts";
import { Slices, systemSlices } from "../session/slices.ts";
import type { Transport } from "../transport/transport.ts";
import type { FailureDetector } from "./failure-detector.ts";

/** What a speaker needs of the world around it. Everything has a real default; a test hands in its own. */
export interface SpeakerDependencies {
  /** @defaultValue `tcp()` */
  readonly transport?: Transport;
  /** @defaultValue the clock of the process */
  readonly clock?: Clock;
  /** @defaultValue `Math.random` */
  readonly random?: Random;
  /** Needed where a peer has `failureDetector`. */
  readonly failureDetector?: FailureDetector;
  /**
   * The link-local address of the one neighbour on a device, `undefined` while none is known: needed to call peers that
   * are named by their interface. Without it they are waited for.
   */
  readonly neighbourOn?: (device: string) => string | undefined;
  /** Calls back in another turn of the event loop. @defaultValue `setImmediate` */
  readonly defer?: (turn: () => void) => void;
}

/** The same, complete. */
export interface World {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly failureDetector: FailureDetector | undefined;
  readonly neighbourOn: (device: string) => string | undefined;
  readonly defer: (turn: () => void) => void;
  /** Shared by all that has much to do. */
  readonly slices: Slices;
}

export function worldOf(dependencies: SpeakerDependencies): World {
  const { clock = systemClock, defer = (turn): void => void setImmediate(turn) } = dependencies;
  const ofSystem = dependencies.clock === undefined && dependencies.defer === undefined;
  return {
    transport: dependencies.transport ?? tcp(),
    clock,
    random: dependencies.random ?? Math.random,
    failureDetector: dependencies.failureDetector,
    neighbourOn: dependencies.neighbourOn ?? (() => undefined),
    defer,
    slices: ofSystem ? systemSlices : new Slices(clock, defer),
  };
}
