import { BpfMap, load, ProgArray, RingBuffer, type Collection } from "@netloom/bpf-loader";
import type { Clang } from "../lib/clang.ts";

const TEN_THOUSAND = Array.from({ length: 10_000 }, (_, at) => at);
const FIRST_ADDRESS = 0x0a000000;
const TCP = 6;

/** The floor's programs, their maps filled as they were for `datapath-performance.md`, section 4. */
export async function loadParts(clang: Clang): Promise<Collection> {
  const parts = await load(clang.bpf(new URL("parts.bpf.c", import.meta.url)));
  try {
    fill(parts);
  } catch (error) {
    parts.close();
    throw error;
  }
  return parts;
}

/** Ends all flows of the floor, and reads its events. */
export function forgetParts(parts: Collection): void {
  const flows = bytesMap(parts, "flows");
  flows.deleteMany([...flows.keys()]);
  const events = parts.map("events");
  if (!(events instanceof RingBuffer)) throw new TypeError("events is no ring buffer");
  using reader = events.reader();
  reader.consume(() => undefined);
}

function fill(parts: Collection): void {
  put(parts, "pods", [FIRST_ADDRESS + 1], (view, address) => view.setUint32(0, address));
  put(parts, "prefixes", TEN_THOUSAND, (view, at) => {
    view.setUint32(0, 32, true);
    view.setUint32(4, FIRST_ADDRESS + at);
  });
  put(parts, "frontends", TEN_THOUSAND, (view, at) => view.setUint32(0, FIRST_ADDRESS + at));
  for (const direction of [0, 1]) {
    put(parts, "rules", TEN_THOUSAND.slice(0, 8000), (view, identity) => {
      view.setUint32(0, identity, true);
      view.setUint8(4, direction);
      view.setUint8(5, TCP);
      view.setUint16(6, 80, true);
    });
  }
  const steps = parts.map("steps");
  if (!(steps instanceof ProgArray)) throw new TypeError("steps is no program array");
  for (const step of [0, 1, 2]) steps.set(step, parts.program(`step_${step}`));
}

function put(
  parts: Collection,
  name: string,
  numbers: readonly number[],
  write: (view: DataView, number: number) => void,
): void {
  const map = bytesMap(parts, name);
  const { keySize, valueSize } = map.info();
  const value = new Uint8Array(valueSize);
  map.setMany(
    numbers.map((number) => {
      const key = new Uint8Array(keySize);
      write(new DataView(key.buffer), number);
      return [key, value] as const;
    }),
  );
}

function bytesMap(parts: Collection, name: string): BpfMap<Uint8Array, Uint8Array> {
  const map = parts.map(name);
  if (!(map instanceof BpfMap)) throw new TypeError(`${name} has no keys and values`);
  return map as BpfMap<Uint8Array, Uint8Array>;
}
