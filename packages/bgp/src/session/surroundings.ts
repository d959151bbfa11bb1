import type { Clock, Random } from "../clock.ts";
import type { Transport } from "../transport/transport.ts";
import type { WireContext } from "../wire/context.ts";
import type { Update } from "../wire/update.ts";
import type { Slices } from "./slices.ts";
import type { Tally } from "./stats.ts";
import type { Turn } from "./timers.ts";

/** Reads UPDATEs of one session. */
export interface UpdateReader {
  /** @throws {@link BgpError} `ERR_BGP_MESSAGE`: the session has to end. */
  decode(message: Uint8Array): Update;
}

/** What the connections of a session live in. */
export interface Surroundings {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly turn: Turn;
  readonly slices: Slices;
  readonly tally: Tally;
  readonly updateReader: (context: WireContext) => UpdateReader;
}
