import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { RingBuffer, type Collection, type RecordDecoder } from "@netloom/bpf-loader";
import { cpu } from "../lib/time.ts";

/** As many as `peer.c` drains. */
const RECORDS = 100_000;
const FLOOD_MS = 2000;

export interface Decoded {
  readonly sequence: bigint;
  readonly mark: number;
  readonly length: number;
}

/** Looks at one field where it lies, as the peer does. */
export const inPlace: RecordDecoder<number> = (view, at) => view.getUint32(at + 12, true);

export const decoded: RecordDecoder<Decoded> = (view, at) => ({
  sequence: view.getBigUint64(at, true),
  mark: view.getUint32(at + 8, true),
  length: view.getUint32(at + 12, true),
});

/** CPU nanoseconds for one of many records that wait. */
export function drain(ring: Collection, decode: RecordDecoder<unknown>): number {
  ring.program("produce_quietly").run({ repeat: RECORDS });
  using reader = recordsOf(ring).reader(decode);
  let count = 0;
  const figure = cpu(RECORDS, () => void reader.consume(() => count++));
  if (count !== RECORDS) throw new Error(`${count} of ${RECORDS} records were drained`);
  return figure;
}

/** How late the event loop was, in milliseconds. */
export interface Delay {
  readonly p99: number;
  readonly most: number;
}

export interface Flood {
  readonly recordsPerSecond: number;
  /** Share that found no room. */
  readonly lost: number;
  readonly delay: Delay;
}

const PRODUCER = `
const { parentPort, workerData } = require("node:worker_threads");
import(workerData.loader).then(({ openProgramById }) => {
  const program = openProgramById(workerData.id);
  parentPort.postMessage("ready");
  const end = Date.now() + workerData.ms;
  while (Date.now() < end) program.run({ repeat: 20000 });
  program.close();
});
`;

/** A producer on another thread, as fast as it can, while the event loop of this one reads. */
export async function flood(ring: Collection, producer: string, pollMs?: number): Promise<Flood> {
  const counters = [ring.variable<bigint>("sequence"), ring.variable<bigint>("lost")] as const;
  const before = counters.map((counter) => counter.get());
  using reader = recordsOf(ring).reader(inPlace, pollMs === undefined ? {} : { pollMs });
  using _reading = reader.on(() => undefined);
  const { seconds, delay } = await whileProducing(ring, producer);
  const [made = 0, lost = 0] = counters.map((counter, at) => Number(counter.get() - before[at]!));
  return { recordsPerSecond: reader.delivered / seconds, lost: lost / (lost + made), delay };
}

/** How late the loop is when it has nothing to do, beside the same producer: what the machine does to it. */
export async function idle(ring: Collection, producer: string): Promise<Delay> {
  const { delay } = await whileProducing(ring, producer);
  using reader = recordsOf(ring).reader();
  reader.consume(() => undefined);
  return delay;
}

async function whileProducing(ring: Collection, name: string): Promise<{ seconds: number; delay: Delay }> {
  const loader = import.meta.resolve("@netloom/bpf-loader");
  const workerData = { loader, id: ring.program(name).id, ms: FLOOD_MS };
  const worker = new Worker(PRODUCER, { eval: true, workerData });
  await once(worker, "message");
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  const start = performance.now();
  histogram.enable();
  await once(worker, "exit");
  histogram.disable();
  const seconds = (performance.now() - start) / 1000;
  return { seconds, delay: { p99: histogram.percentile(99) / 1e6, most: histogram.max / 1e6 } };
}

function recordsOf(ring: Collection): RingBuffer {
  const records = ring.map("records");
  if (!(records instanceof RingBuffer)) throw new TypeError("records is no ring buffer");
  return records;
}
