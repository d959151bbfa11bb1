import type { Flow } from "@netloom/core";
import type { DemoCluster, DemoPod } from "./cluster.ts";
import { bold, dim, drawWalk, green, red } from "./walk.ts";
/*
 * What a run tells of its connections: the same, whoever forwarded the packets.
 */

/** One attempt to connect, and what the nodes told of it meanwhile. */
export interface Told {
  readonly seen: readonly Flow[];
  readonly from: DemoPod;
  readonly expected: "allowed" | "denied";
  /** 0: not known, the first packet says it. */
  readonly localPort: number;
  readonly connected: boolean;
  /** What came of it, in words. */
  readonly said: string;
  /** Where a packet that leaves a node as it is goes next, in words; where that is worth a word. */
  readonly wayOf?: ((flow: Flow) => string) | undefined;
}

/** @returns whether it behaved as it should. */
export function tell(told: Told): boolean {
  for (const walk of walksOf(told)) console.log(`${walk}\n`);
  const ok = told.connected === (told.expected === "allowed");
  console.log(`  ${ok ? green("✓") : red("✗")} ${told.from.name}: ${told.said}`);
  return ok && told.seen.length > 0;
}

/** Follows what a node tells, for as long as its agent runs. */
export async function listen(flows: AsyncIterable<readonly Flow[]>, into: Flow[]): Promise<void> {
  for await (const batch of flows) into.push(...batch);
}

export function summary({ nodes }: DemoCluster): void {
  console.log(bold("\nSummary"));
  for (const { name, agent } of nodes) {
    const { endpoints, metrics } = agent.describe();
    const packets = metrics.map(({ name: what, packets: count }) => `${what} ${count}`).join(", ");
    console.log(`  ${name}: ${endpoints} endpoints; packets: ${packets}`);
  }
}

/** The first packet each way. A connection that is denied has one way only. */
function walksOf({ seen, from, localPort, expected, wayOf }: Told): string[] {
  const address = from.endpoint.addresses[0]!;
  // All nodes are on one machine, so their clock is the same.
  const flows = seen.toSorted((a, b) => Number(a.ticks - b.ticks));
  const start = flows.find(({ hook, source }) => hook === "from-container" && source.address === address);
  if (start === undefined) return [drawWalk([])];
  const port = localPort || start.source.port;
  const isSyn = ({ tcpFlags }: Flow): boolean => tcpFlags.includes("SYN") && !tcpFlags.includes("ACK");
  const isSynAck = ({ tcpFlags }: Flow): boolean => tcpFlags.includes("SYN") && tcpFlags.includes("ACK");
  const there = flows.filter(
    (flow) => isSyn(flow) && flow.source.address === address && flow.source.port === port,
  );
  const back = flows.filter(
    (flow) => isSynAck(flow) && flow.destination.address === address && flow.destination.port === port,
  );
  // A SYN that is dropped is sent again; each node tells of it again.
  const firstOf = (list: readonly Flow[]): Flow[] =>
    list.filter(
      (flow, index) =>
        list.findIndex((other) => other.node === flow.node && other.hook === flow.hook) === index,
    );
  const walks = [drawWalk(firstOf(there), wayOf)];
  if (expected === "allowed") walks.push(`  ${dim("and the answer")}\n${drawWalk(firstOf(back), wayOf)}`);
  return walks;
}
