import type { Agent, IpamStatus } from "@netloom/core";
import type { Machine } from "../node/machine.ts";
import type { Facts } from "../reference/facts.ts";
import type { Timeline } from "../store/timeline.ts";
import { KEYS } from "../store/keys.ts";
import { compareRows } from "./applied.ts";
import type { Check } from "./invariant.ts";
import type { PolicyCheck } from "./policy.ts";

export interface QuietOptions {
  readonly machines: () => Iterable<Machine>;
  readonly facts: Facts;
  readonly timeline: Timeline;
  readonly policy: PolicyCheck;
  readonly agentOf: (machine: Machine) => Agent | undefined;
  readonly ipamOf: (machine: Machine) => IpamStatus | undefined;
  /** Who still has something to do. */
  readonly busy: () => string | undefined;
}

/** After the last fault everything that is wanted comes true, and nothing else is left. */
export function quietCheck(options: QuietOptions): Check {
  const { machines, facts, timeline, policy, busy } = options;
  return {
    name: "converges-without-leaks",
    eventually() {
      const waiting = busy() ?? leftInStore(facts, timeline);
      if (waiting !== undefined) return waiting;
      const last = Math.max(0, ...timeline.list(KEYS.state).map(({ revision }) => revision));
      for (const machine of machines()) {
        const wrong =
          (machine.applied < last ? `${machine.name} is at ${machine.applied} of ${last}` : undefined) ??
          compareRows(machine, facts, timeline.revision) ??
          nodeRows(machine, facts) ??
          policy.everything(machine) ??
          machine.difference() ??
          policyGarbage(machine, facts) ??
          ipamLeaks(machine, options);
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
  };
}

function leftInStore(facts: Facts, timeline: Timeline): string | undefined {
  const nodes = new Set(facts.nodes().map(({ name }) => name));
  const users = new Set<string>();
  const identities = new Set<string>();
  for (const pod of facts.pods()) {
    if (pod.state !== "live") return `${pod.key} is retired and not forgotten`;
    if (!nodes.has(pod.node)) return `${pod.key} is on a node that is gone`;
    users.add(`${pod.identity}/${pod.node}`);
    identities.add(String(pod.identity));
  }
  return (
    difference("identities", names(timeline, KEYS.identities), identities) ??
    difference("references of identities", names(timeline, KEYS.identityReferences), users) ??
    difference("label sets", pointed(timeline), identities) ??
    difference("acknowledgements", names(timeline, KEYS.acknowledgements), nodes)
  );
}

function names(timeline: Timeline, prefix: string): ReadonlySet<string> {
  return new Set(timeline.list(prefix).map(({ key }) => key.slice(prefix.length)));
}

function pointed(timeline: Timeline): ReadonlySet<string> {
  return new Set(timeline.list(KEYS.identityLabels).map(({ value }) => String((value as { id: number }).id)));
}

function difference(
  what: string,
  found: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): string | undefined {
  const surplus = [...found].filter((one) => !wanted.has(one));
  if (surplus.length > 0) return `${what} that nobody uses: ${surplus.join(", ")}`;
  const missing = [...wanted].filter((one) => !found.has(one));
  return missing.length > 0 ? `${what} that are missing: ${missing.join(", ")}` : undefined;
}

/** The nodes' own addresses, and the routes to their pods. */
function nodeRows(machine: Machine, facts: Facts): string | undefined {
  const { shadow } = machine;
  const addresses = new Set(facts.livePods().flatMap((pod) => pod.addresses));
  for (const node of facts.nodes()) {
    for (const address of [...node.addresses, ...node.routers]) {
      addresses.add(address);
      const row = shadow.ipcache.get(address);
      const identity = node.name === machine.name ? 1 : 6;
      if (row?.identity !== identity)
        return `${machine.name} takes ${address} of node ${node.name} for ${row?.identity ?? "nobody"}`;
    }
    if (node.name === machine.name) continue;
    for (const range of node.podCIDRs) {
      const [address] = range.split("/");
      const found = [...shadow.prefixes.values()].some((prefix) => prefix.address.toString() === address);
      if (!found) return `${machine.name} knows no way to ${range} of ${node.name}`;
    }
  }
  const stranger = [...shadow.ipcache.keys()].find((address) => !addresses.has(address));
  return stranger === undefined ? undefined : `${machine.name} names ${stranger}, which is nobody's`;
}

/** Sets that no endpoint has, and marks of identities that are gone. */
function policyGarbage({ name, shadow }: Machine, facts: Facts): string | undefined {
  const used = new Set([...shadow.endpoints.values()].map(({ policy }) => policy));
  for (const set of shadow.policy.keys())
    if (set !== 0 && !used.has(set)) return `${name} keeps policy set ${set}, which nobody has`;
  for (const identity of shadow.policy.get(0)?.keys() ?? [])
    if (facts.meaningAt(identity, Number.POSITIVE_INFINITY) === undefined)
      return `${name} keeps the mark of identity ${identity}, which is gone`;
  return undefined;
}

function ipamLeaks(machine: Machine, { facts, ipamOf, agentOf }: QuietOptions): string | undefined {
  const pods = facts.livePods().filter(({ node }) => node === machine.name);
  const ranges = ipamOf(machine)?.ranges ?? [];
  const sum = (field: "allocated" | "quarantined"): number =>
    ranges.reduce((total, range) => total + range[field], 0);
  if (sum("quarantined") > 0) return `${machine.name} keeps ${sum("quarantined")} addresses in quarantine`;
  const addresses = pods.flatMap((pod) => pod.addresses).length;
  if (sum("allocated") !== addresses)
    return `${machine.name} has ${sum("allocated")} addresses allocated for ${addresses} of its pods`;
  return (
    difference(`interfaces of ${machine.name}`, machine.interfaces, new Set(pods.map(({ name }) => name))) ??
    agentOf(machine)
      ?.endpoints.list()
      .filter(({ state }) => state !== "ready")
      .map(({ name, state }) => `${name} on ${machine.name} is ${state}`)[0]
  );
}
