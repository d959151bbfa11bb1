import type { Flow, FlowVerdict, Provenance } from "@netloom/core";
import type { ExplainedHop, Explanation } from "./explain.ts";

const OUTCOMES: Readonly<Record<Explanation["outcome"], string>> = {
  delivered: "It is delivered.",
  dropped: "It is dropped.",
  "to-node": "The node's own stack gets it.",
  "to-world": "It leaves the cluster.",
  "to-other-node": "It goes on to a node that was not laid open.",
};

/** An explanation for people, a line for each step. */
export function explanationText({ hops, outcome }: Explanation): string {
  return [...hops.flatMap(hopLines), OUTCOMES[outcome]].join("\n");
}

function hopLines({ node, hook, flow, lookUps, deniedBy }: ExplainedHop): readonly string[] {
  const lines = [`${node}, ${hook}`];
  for (const { table, key, value, because } of lookUps) {
    lines.push(
      `  ${table}[${key}] ${value === undefined ? "is not there" : `= ${value}${sourcesText(because)}`}`,
    );
  }
  if (flow !== undefined) lines.push(...verdictLines(flow, deniedBy), `  ${outcomeText(flow)}`);
  return lines;
}

function verdictLines({ egress, ingress }: Flow, deniedBy: readonly Provenance[]): readonly string[] {
  const lines = [egress, ingress].flatMap((verdict) =>
    verdict === undefined ? [] : [`  ${verdictText(verdict)}`],
  );
  if (deniedBy.length > 0) lines.push(`  denied by default${sourcesText(deniedBy)}`);
  return lines;
}

function verdictText({ direction, policy, match, rule }: FlowVerdict): string {
  if (rule === undefined)
    return `${direction}: set ${policy}, ${match === "none" ? "no entry decides" : match}`;
  return `${direction}: set ${policy}, ${rule.action} by ${rule.policy} ${rule.direction}[${rule.index}] (${match})`;
}

function outcomeText({ outcome, reason, translated, tunnel }: Flow): string {
  const changed = translated === undefined ? "" : `, as ${translated.source} to ${translated.destination}`;
  return `${outcome}${reason === undefined ? "" : `: ${reason}`}${tunnel === undefined ? "" : ` ${tunnel}`}${changed}`;
}

function sourcesText(because: readonly Provenance[]): string {
  if (because.length === 0) return "";
  return ` (${because.map(({ kind, name, revision }) => `${kind} ${name} at revision ${revision}`).join(", ")})`;
}
