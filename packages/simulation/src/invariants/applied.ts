import type { Revision } from "@netloom/core";
import type { Machine } from "../node/machine.ts";
import type { Facts, PodFact } from "../reference/facts.ts";
import type { Check } from "./invariant.ts";

/** First identity of a pod. */
const FIRST_POD = 256;

/** What a datapath must hold for pods, as of one revision: by address. */
function expectedRows(
  machine: Machine,
  facts: Facts,
  revision: Revision,
): { readonly local: Map<string, PodFact>; readonly rows: Map<string, string> } {
  const local = new Map<string, PodFact>();
  const rows = new Map<string, string>();
  const newest = new Map<string, PodFact>();
  const nodes = new Map(facts.nodes(revision).map((node) => [node.name, node]));
  for (const pod of facts.livePods(revision)) {
    if (pod.node === machine.name) for (const address of pod.addresses) local.set(address, pod);
    for (const address of pod.addresses) {
      const known = newest.get(address);
      if (known === undefined || known.revision < pod.revision) newest.set(address, pod);
    }
  }
  for (const [address, pod] of newest) {
    if (pod.node === machine.name) rows.set(address, `${pod.identity} here`);
    else {
      const [tunnel] = nodes.get(pod.node)?.addresses ?? [];
      if (tunnel !== undefined) rows.set(address, `${pod.identity} ${tunnel}`);
    }
  }
  return { local, rows };
}

/**
 * When an agent says that its datapath has everything up to a revision, it has: its pods, and everybody's address with the
 * right identity behind the right node, and nobody else's.
 */
export function appliedCheck(machines: () => Iterable<Machine>, facts: Facts): Check {
  return {
    name: "applied-is-true",
    onApplied(machine, _before, revision) {
      if (revision > machine.seen)
        return `${machine.name} enforces ${revision} and has heard of ${machine.seen}`;
      // A pass that had to wait has more in it than it says.
      return compareRows(machine, facts, machine.seen);
    },
    onSettled(revision) {
      for (const { name, applied, shadow } of machines()) {
        if (applied >= revision) continue;
        // One that came later has never had anything of before.
        if (applied === 0 && (shadow.ipcache.size === 0 || facts.joined(name) > revision)) continue;
        return `every node was said to enforce revision ${revision}, and ${name} enforces ${applied}`;
      }
      return undefined;
    },
  };
}

/** How a datapath differs from what the facts said at a revision. */
export function compareRows(machine: Machine, facts: Facts, revision: Revision): string | undefined {
  const { shadow, name } = machine;
  const { local, rows } = expectedRows(machine, facts, revision);
  const at = `${name} at revision ${revision}`;
  for (const [address, pod] of local) {
    const row = shadow.endpoints.get(address);
    // Its own agent takes a pod away before it hears from the store that it did.
    if (row === undefined && facts.pod(pod.key)?.state !== "live") continue;
    if (row?.identity !== pod.identity)
      return `${at}: ${pod.name} (${address}) has identity ${row?.identity ?? "none"}, not ${pod.identity}`;
  }
  for (const address of shadow.endpoints.keys())
    if (!local.has(address)) return `${at}: there is no pod with ${address}`;
  for (const [address, expected] of rows) {
    const row = shadow.ipcache.get(address);
    const found = row === undefined ? "missing" : `${row.identity} ${row.tunnel ?? "here"}`;
    if (found !== expected) return `${at}: the address ${address} is ${found}, not ${expected}`;
  }
  for (const [address, row] of shadow.ipcache) {
    if (row.identity >= FIRST_POD && !rows.has(address))
      return `${at}: the address ${address} is nobody's, not ${row.identity}'s`;
  }
  return undefined;
}
