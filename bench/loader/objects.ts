import { readFileSync } from "node:fs";
import { load, parseObject, type ObjectSpec } from "@netloom/bpf-loader";

/** The datapath's own object: what a node loads. */
export const DATAPATH = new URL(
  "objects/netloom.bpf.o",
  import.meta.resolve("@netloom/datapath-ebpf/package.json"),
);

const bytes = new Uint8Array(readFileSync(DATAPATH));

/** CPU nanoseconds to understand it, or also to load it and let go of it. The peer makes the same maps small. */
export function openDatapath(): number {
  const before = process.cpuUsage();
  parseObject(bytes, { name: "netloom" });
  return since(before);
}

export async function loadDatapath(): Promise<number> {
  const before = process.cpuUsage();
  (await load(small(parseObject(bytes, { name: "netloom" })), { pinPath: false })).close();
  return since(before);
}

function small(spec: ObjectSpec): ObjectSpec {
  const names = [...spec.maps.values()].filter(({ type }) => type === "lru_hash").map(({ name }) => name);
  return spec.with({ maxEntries: Object.fromEntries(names.map((name) => [name, 1024])) });
}

function since(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}
