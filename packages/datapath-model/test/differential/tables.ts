import type { TypedMap } from "@netloom/core";
import { encode, maps as definitions, type Codec, type CtValue, type NatValue } from "@netloom/core/backend";
import type { MemoryMap } from "@netloom/core/memory";

/** Instants that differ by less are the same: the two clocks are read one after the other. */
const SAME_TIME = 500_000_000n;

/** A table that packets write, in both datapaths. */
export interface Watched {
  readonly name: string;
  /** Keys that the model has written since the last look. */
  readonly touched: Map<string, unknown>;
  /** What is not the same, in words; of the touched keys, or of all. */
  compareTouched(): string[];
  compareAll(): string[];
  clear(): void;
}

interface Pair<K, V> {
  readonly name: string;
  readonly key: Codec<K>;
  readonly kernel: Pick<TypedMap<K, V>, "get" | "deleteMany"> & { entries(): Iterable<readonly [K, V]> };
  readonly model: MemoryMap<K, V>;
  readonly same: (kernel: V, model: V) => boolean;
}

export function watch<K, V>({ name, key, kernel, model, same }: Pair<K, V>): Watched {
  const touched = new Map<string, K>();
  for (const method of ["set", "insert"] as const) {
    const write = model[method].bind(model);
    model[method] = ((at: K, value: V) => {
      touched.set(encode(key, at), at);
      return write(at, value);
    }) as never;
  }
  const compare = (at: K, inKernel: V | undefined): string[] => {
    const inModel = model.get(at);
    if (inKernel === undefined && inModel === undefined) return [];
    if (inKernel !== undefined && inModel !== undefined && same(inKernel, inModel)) return [];
    return [`${name} ${show(at)}: kernel ${show(inKernel)}, model ${show(inModel)}`];
  };
  return {
    name,
    touched,
    compareTouched() {
      const differences = [...touched.values()].flatMap((at) => compare(at, kernel.get(at)));
      touched.clear();
      return differences;
    },
    compareAll() {
      const seen = new Set<string>();
      const differences: string[] = [];
      for (const [at, value] of kernel.entries()) {
        seen.add(encode(key, at));
        differences.push(...compare(at, value));
      }
      for (const [at] of model.entries())
        if (!seen.has(encode(key, at))) differences.push(...compare(at, undefined));
      return differences;
    },
    clear() {
      kernel.deleteMany([...kernel.entries()].map(([at]) => at));
      model.clear();
      touched.clear();
    },
  };
}

export function sameConntrack(kernel: CtValue, model: CtValue): boolean {
  const { expires, reported, ...rest } = kernel;
  const { expires: e, reported: r, ...other } = model;
  return near(expires, e) && near(reported, r) && show(rest) === show(other);
}

export function sameNat(kernel: NatValue, model: NatValue): boolean {
  const { expires, ...rest } = kernel;
  const { expires: e, ...other } = model;
  return near(expires, e) && show(rest) === show(other);
}

function near(a: bigint, b: bigint): boolean {
  const apart = a > b ? a - b : b - a;
  return apart < SAME_TIME;
}

/** For people, in the order of the names. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  const json = (value as { toJSON?: () => string }).toJSON;
  if (json !== undefined) return json.call(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{ ${fields.map(([name, field]) => `${name}: ${show(field)}`).join(", ")} }`;
}

export const KEYS = {
  conntrack: definitions.conntrack.key,
  nat: definitions.nat.key,
  fragments: definitions.fragments.key,
};
