import type { Codec } from "../codec.ts";
import type { Fd } from "../sys/fd.ts";
import type { MapInfo } from "./info.ts";
import { BpfMap } from "./map.ts";

/** The values of all CPUs as one: the kernel pads each to 8 bytes and copies one for every CPU there may ever be. */
function perCpuCodec<V>(codec: Codec<V>, cpus: number): Codec<V[]> {
  const stride = Math.ceil(codec.size / 8) * 8;
  return {
    size: stride * cpus,
    encode(values, view, offset): void {
      if (values.length !== cpus)
        throw new RangeError(`expected ${cpus} values, one per CPU, got ${values.length}`);
      new Uint8Array(view.buffer, view.byteOffset + offset, stride * cpus).fill(0);
      for (let cpu = 0; cpu < cpus; cpu++) codec.encode(values[cpu] as V, view, offset + cpu * stride);
    },
    decode: (view, offset) =>
      Array.from({ length: cpus }, (_, cpu) => codec.decode(view, offset + cpu * stride)),
  };
}

/** A map with one value per possible CPU: a `BpfMap` of arrays. */
export class PerCpuMap<K, V> extends BpfMap<K, V[]> {
  /** Length of the arrays. */
  readonly cpus: number;

  /** @internal */
  constructor(handle: Fd, info: MapInfo, key: Codec<K>, value: Codec<V>) {
    super(handle, info, key, perCpuCodec(value, handle.sys.possibleCpus));
    this.cpus = handle.sys.possibleCpus;
  }

  /** Sets the same value on every CPU. */
  fill(key: K, value: V): this {
    return this.set(
      key,
      Array.from({ length: this.cpus }, () => value),
    );
  }

  /** All CPUs added up; undefined if there is no such element. Numbers and bigints need no `add`. */
  sum(key: K, add: (a: V, b: V) => V = addNumbers): V | undefined {
    return this.get(key)?.reduce((a, b) => add(a, b));
  }
}

function addNumbers<V>(a: V, b: V): V {
  if (typeof a === "bigint" && typeof b === "bigint") return (a + b) as V;
  if (typeof a === "number" && typeof b === "number") return (a + b) as V;
  throw new TypeError("sum needs a function that adds two values");
}
