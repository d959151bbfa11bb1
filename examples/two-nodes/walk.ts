import type { Flow, FlowEnd, FlowVerdict } from "@netloom/core";
import { ReservedIdentity } from "@netloom/core/backend";

const tty = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const paint = (code: number) => (text: string) => (tty ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold: (text: string) => string = paint(1);
export const dim: (text: string) => string = paint(2);
export const red: (text: string) => string = paint(31);
export const green: (text: string) => string = paint(32);
export const yellow: (text: string) => string = paint(33);

/** A packet's way through the programs of all nodes, told from their events. */
export function drawWalk(flows: readonly Flow[], wayOf?: (flow: Flow) => string): string {
  const [first] = flows;
  if (first === undefined) return dim("  (no event came)");
  const what = first.tcpFlags.length > 0 ? `${first.protocol} ${first.tcpFlags.join("+")}` : first.protocol;
  const lines = [`  ${bold(end(first.source))} ─▶ ${bold(end(first.destination))}   ${dim(what)}`];
  for (const flow of flows) {
    lines.push(
      `  │`,
      `  ├─ ${bold(flow.node)} · ${flow.hook}${flow.interface === undefined ? "" : dim(` (${flow.interface})`)}`,
    );
    for (const [label, text] of stepsOf(flow)) lines.push(`  │    ${dim(label.padEnd(10))} ${text}`);
    lines.push(`  │    ${outcomeOf(flow, wayOf)}`);
  }
  return lines.join("\n");
}

function stepsOf(flow: Flow): [string, string][] {
  const steps: [string, string][] = [];
  if (flow.hook === "from-overlay") {
    steps.push(["tunnel", `from ${flow.tunnel}, VNI ${flow.source.identity} = ${identity(flow.source)}`]);
  } else steps.push(["source", `${flow.source.address} = ${identity(flow.source)}`]);
  if (flow.service !== undefined && flow.translated !== undefined) {
    const [label, change] =
      flow.state === "reply"
        ? ["reverse", `source becomes ${flow.translated.source}`]
        : ["service", `${flow.service}: destination becomes ${flow.translated.destination}`];
    steps.push([label, change]);
  }
  steps.push(["conntrack", flow.state]);
  if (flow.hook === "from-container") {
    const tunnel = flow.tunnel === undefined ? "" : `, behind ${flow.tunnel}`;
    steps.push(["ipcache", `destination = ${identity(flow.destination)}${tunnel}`]);
  }
  for (const verdict of [flow.egress, flow.ingress]) {
    if (verdict !== undefined) steps.push([verdict.direction, verdictText(verdict, flow)]);
  }
  return steps;
}

/** The entry that decided, or why none had to. */
function verdictText(verdict: FlowVerdict, flow: Flow): string {
  const peer = verdict.direction === "egress" ? flow.destination : flow.source;
  const port = Number(flow.translated?.destination.split(":").at(-1) ?? flow.destination.port);
  if (verdict.rule !== undefined) {
    const { policy, direction, index, action } = verdict.rule;
    const key = `policy[set ${verdict.policy}, ${peer.identity}, ${direction}, ${flow.protocol}/${port}]`;
    const said = action === "allow" ? green("allow") : red("deny");
    return `${key} = ${said} ${dim(`by ${policy} ${direction}[${index}], match ${verdict.match}`)}`;
  }
  if (verdict.match === "cached") return `as before ${dim(`(set ${verdict.policy})`)}`;
  if (verdict.enforcedBy.length > 0 && flow.outcome === "dropped") {
    return `policy[set ${verdict.policy}]: no entry for ${peer.identity} ${flow.protocol}/${port}, and ${verdict.enforcedBy.join(", ")} ${red("denies by default")}`;
  }
  return `no policy selects this direction: ${green("allow")}`;
}

function outcomeOf(flow: Flow, wayOf: ((flow: Flow) => string) | undefined): string {
  switch (flow.outcome) {
    case "dropped":
      return red(`✗ dropped: ${flow.reason}${flow.place === undefined ? "" : ` (${flow.place})`}`);
    case "to-overlay":
      return green(`⇒ encapsulated to ${flow.tunnel}, VNI ${flow.source.identity}`);
    case "to-endpoint":
      return green(`⇒ delivered${flow.destination.endpoint === undefined ? "" : ` to ${target(flow)}`}`);
    case "to-netdev":
      return green(
        isPod(flow.destination)
          ? `⇒ natively to its node: out by the uplink, as it is${wayOf === undefined ? "" : `, ${wayOf(flow)}`}`
          : "⇒ out by the uplink",
      );
    case "to-stack":
      return green("⇒ to the node's own stack");
  }
}

/** An endpoint's identity, of the cluster. */
function isPod({ identity: id }: FlowEnd): boolean {
  return id >= ReservedIdentity.IDENTITY_CLUSTER_FIRST && id < ReservedIdentity.IDENTITY_LOCAL_FIRST;
}

function target(flow: Flow): string {
  return flow.destination.endpoint ?? flow.destination.address;
}

function identity({ identity: id, labels, endpoint }: FlowEnd): string {
  const names = labels.map((label) => label.replace(/^k8s:(io\.kubernetes\.pod\.)?/, "")).join(", ");
  return `identity ${id} ${dim(`{${names}}`)}${endpoint === undefined ? "" : ` ${endpoint}`}`;
}

function end({ address, port, endpoint }: FlowEnd): string {
  return `${endpoint === undefined ? "" : `${endpoint} `}${address}:${port}`;
}
