import { Lab, makeSegment, type Segment, type SegmentHost } from "@netloom/lab";

/** Labs of this process that may be there at the same time: tests of a file run side by side. */
const SLOTS = ["a", "b", "c", "d", "e", "f"];

/** A lab of one's own, and machines on a segment of it: `10.9.0.N` and `fd09::N`, from 1 on, in the order of their names. */
export interface Place extends AsyncDisposable {
  readonly lab: Lab;
  readonly segment: Segment;
}

export function makePlace(...names: readonly string[]): Place {
  const slot = SLOTS.shift();
  if (slot === undefined) throw new Error("too many labs at once");
  const lab = new Lab(`interop${slot}`);
  const end = async (): Promise<void> => {
    try {
      await lab[Symbol.asyncDispose]();
    } finally {
      SLOTS.push(slot);
    }
  };
  try {
    return { lab, segment: makeSegment(lab, names.map(hostOf)), [Symbol.asyncDispose]: end };
  } catch (error) {
    void end();
    throw error;
  }
}

function hostOf(name: string, index: number): SegmentHost {
  return { name, addresses: [`10.9.0.${index + 1}/24`, `fd09::${index + 1}/64`] };
}

/** Path of a namespace, for sockets. */
export function netnsOf(lab: Lab, name: string): string {
  return `/run/netns/${lab.namespace(name).name}`;
}

/** One of the kernel's counters of a namespace, e.g. `TCPMD5Failure`. */
export async function counter(lab: Lab, name: string, field: string): Promise<number> {
  const { stdout } = await lab.namespace(name).exec("cat", ["/proc/net/netstat"]);
  const [names = [], values = []] = stdout
    .split("\n")
    .filter((line) => line.startsWith("TcpExt:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf(field)]);
}
