import { NetloomError } from "../errors.ts";
import { murmur3 } from "./murmur3.ts";

export interface MaglevBackend {
  /** Tells it from all others, on every node and for ever: `10.0.0.7:8080/TCP`. Printable ASCII. */
  readonly name: string;
  /** Its share relative to the others, an integer from 0 (no share: it is being drained) to 65535. @defaultValue 1 */
  readonly weight?: number;
}

/** The table sizes on offer, all prime. A hundred slots for each backend keep shares within one per cent. */
export const MAGLEV_SIZES = [251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_521, 131_071] as const;

const LARGEST_WEIGHT = 65_535;
/** Any number will do, as long as all nodes use the same. */
const DEFAULT_SEED = 0x6d61676c;

/**
 * Computes a Maglev table ("Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4):
 * a slot for each value of a flow's hash, naming the backend that flows of that hash go to. Backends take turns
 * in claiming their next preferred slot; one of half the weight takes every other turn.
 *
 * The table depends on the *set* of names and weights only, not on their order, so all nodes compute the same; when
 * a backend goes, nearly all flows of the others stay where they are.
 *
 * @param size one of {@link MAGLEV_SIZES}
 * @param seed of the hash, an unsigned 32-bit number: the same on all nodes
 * @returns for each slot an index into `backends`; empty when no backend has a share.
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` for another size or seed; `ERR_SERVICE_INVALID` for a name that
 *   is malformed or occurs twice, or a weight out of range.
 */
export function maglevTable(
  backends: readonly MaglevBackend[],
  size: number,
  seed: number = DEFAULT_SEED,
): Uint32Array {
  checkOptions(size, seed);
  const order = turnOrder(backends);
  if (order.length === 0) return new Uint32Array(0);
  const skips = order.map((index) => (murmur3(backends[index]!.name, ~seed) % (size - 1)) + 1);
  const positions = order.map((index) => murmur3(backends[index]!.name, seed) % size);
  const table = new Int32Array(size).fill(-1);
  let filled = 0;
  forEachTurn(
    order.map((index) => weightOf(backends[index]!)),
    size,
    (backend) => {
      const skip = skips[backend]!;
      let slot = positions[backend]!;
      while (table[slot]! >= 0) {
        slot += skip;
        if (slot >= size) slot -= size;
      }
      table[slot] = order[backend]!;
      positions[backend] = slot;
      filled++;
      return filled < size;
    },
  );
  return new Uint32Array(table.buffer);
}

/**
 * Calls `take` with indexes into `weights`, in rounds, until it returns false: turn number k of a backend comes in
 * round k times the greatest weight over its own, rounded up. The turns of one round hang in a list, so that the
 * cost does not depend on the weights.
 *
 * @param limit how many turns there are at most
 */
function forEachTurn(weights: readonly number[], limit: number, take: (backend: number) => boolean): void {
  const greatest = weights.reduce((a, b) => Math.max(a, b));
  const turns = new Uint32Array(weights.length);
  const following = new Int32Array(weights.length);
  const firstOf = new Int32Array(limit).fill(-1);
  const lastOf = new Int32Array(limit).fill(-1);
  const append = (round: number, backend: number): void => {
    following[backend] = -1;
    if (firstOf[round] === -1) firstOf[round] = backend;
    else following[lastOf[round]!] = backend;
    lastOf[round] = backend;
  };
  for (let backend = 0; backend < weights.length; backend++) append(0, backend);
  for (let round = 0; round < limit; round++) {
    let backend = firstOf[round]!;
    while (backend >= 0) {
      if (!take(backend)) return;
      const next = following[backend]!;
      const nextRound = Math.ceil((++turns[backend]! * greatest) / weights[backend]!);
      if (nextRound < limit) append(nextRound, backend);
      backend = next;
    }
  }
}

/** The indexes of the backends that have a share, by name: the order they came in must not show. */
function turnOrder(backends: readonly MaglevBackend[]): number[] {
  for (const backend of backends) checkBackend(backend);
  const order = [...backends.keys()].sort((a, b) => (backends[a]!.name < backends[b]!.name ? -1 : 1));
  for (let i = 1; i < order.length; i++) {
    const { name } = backends[order[i]!]!;
    if (name === backends[order[i - 1]!]!.name)
      throw invalid(name, `two backends are named ${name}`, "name each once");
  }
  return order.filter((index) => weightOf(backends[index]!) > 0);
}

function weightOf(backend: MaglevBackend): number {
  return backend.weight ?? 1;
}

function checkBackend(backend: MaglevBackend): void {
  const { name } = backend;
  if (typeof name !== "string" || !/^[\u0021-\u007e]+$/.test(name)) {
    throw invalid(name, `${JSON.stringify(name)} does not name a backend`, "write e.g. 10.0.0.7:8080/TCP");
  }
  const weight = weightOf(backend);
  if (!Number.isInteger(weight) || weight < 0 || weight > LARGEST_WEIGHT) {
    throw invalid(weight, `${name} has the weight ${weight}`, `use an integer from 0 to ${LARGEST_WEIGHT}`);
  }
}

function checkOptions(size: number, seed: number): void {
  if (!(MAGLEV_SIZES as readonly number[]).includes(size)) {
    throw new NetloomError("ERR_OPTIONS_INVALID", `a Maglev table cannot have ${size} slots`, {
      input: size,
      remedy: `use ${MAGLEV_SIZES.join(", ")}`,
    });
  }
  if (seed !== seed >>> 0) {
    throw new NetloomError("ERR_OPTIONS_INVALID", `${seed} is not a seed`, {
      input: seed,
      remedy: "use an integer from 0 to 4294967295",
    });
  }
}

function invalid(input: unknown, what: string, remedy: string): NetloomError {
  return new NetloomError("ERR_SERVICE_INVALID", what, { input, remedy });
}
