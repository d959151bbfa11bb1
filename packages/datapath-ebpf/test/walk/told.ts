import { formatAddress, type Address, type DatapathEvent } from "@netloom/core";
import {
  CtFlag,
  CtLifetime,
  ctStateName,
  Direction,
  dropReasonName,
  hookName,
  outcomeName,
  policyMatchName,
  sourceFileName,
  type CtKey,
  type CtValue,
  type FragmentKey,
  type FragmentValue,
  type NatKey,
  type NatValue,
} from "@netloom/core/backend";
import type { Tables } from "./bench.ts";

/** Everything that is told, as people write it: numbers by their names, ends as `address:port`. */

const PROTOCOLS: Readonly<Record<number, string>> = { 1: "icmp", 6: "tcp", 17: "udp", 132: "sctp" };

const name = (text: string | undefined, prefix: string): string =>
  text?.slice(prefix.length).toLowerCase().replaceAll("_", "-") ?? "?";

const end = (address: Address, port: number): string => `${formatAddress(address)}:${port}`;

/** An event of a pass. */
export interface Told {
  readonly hook: string;
  readonly outcome: string;
  readonly reason: string;
  readonly from: string;
  readonly to: string;
  readonly newFrom: string;
  readonly newTo: string;
  readonly identities: readonly [source: number, destination: number];
  readonly endpoint: number;
  readonly state: string;
  /** Policy set, rule, and what matched. */
  readonly egress: readonly [policy: number, rule: number, match: string];
  readonly ingress: readonly [policy: number, rule: number, match: string];
  readonly service: number;
  /** `undefined`: none. */
  readonly tunnel: string | undefined;
  readonly protocol: number;
  readonly flags: number;
  readonly length: number;
  readonly ifindex: number;
  readonly line: number;
  readonly file: string;
}

export function tellEvent(event: DatapathEvent): Told {
  const tunnel = formatAddress(event.tunnel);
  return {
    hook: name(hookName(event.hook), "HOOK_"),
    outcome: name(outcomeName(event.outcome), "OUTCOME_"),
    reason: name(dropReasonName(event.reason), "DROP_"),
    from: end(event.source, event.sourcePort),
    to: end(event.destination, event.destinationPort),
    newFrom: end(event.newSource, event.newSourcePort),
    newTo: end(event.newDestination, event.newDestinationPort),
    identities: [event.sourceIdentity, event.destinationIdentity],
    endpoint: event.endpoint,
    state: name(ctStateName(event.ctState), "CT_"),
    egress: [event.egressPolicy, event.egressRule, match(event.egressMatch)],
    ingress: [event.ingressPolicy, event.ingressRule, match(event.ingressMatch)],
    service: event.service,
    tunnel: tunnel === "0.0.0.0" ? undefined : tunnel,
    protocol: event.protocol,
    flags: event.tcpFlags,
    length: event.length,
    ifindex: event.ifindex,
    line: event.line,
    file: name(sourceFileName(event.file), "SOURCE_"),
  };
}

const match = (value: number): string => name(policyMatchName(value), "POLICY_MATCH_");

/** How one entry reads, whose first end sent the first packet: `tcp 10.1.0.10:40000 > 10.1.0.11:80 60s`. */
function tellConntrack(key: CtKey, value: CtValue, now: number): string {
  const low = end(key.low, key.lowPort);
  const high = end(key.high, key.highPort);
  const ends = (value.flags & CtFlag.CT_ORIGIN_IS_LOW) === 0 ? `${high} > ${low}` : `${low} > ${high}`;
  const flags = Object.entries(CtFlag)
    .filter(([flag, bit]) => flag !== "CT_ORIGIN_IS_LOW" && (value.flags & bit) !== 0)
    .map(([flag]) => name(flag, "CT_"));
  const translated = (value.flags & (CtFlag.CT_SERVICE | CtFlag.CT_TRANSLATED)) !== 0;
  return [
    `${PROTOCOLS[key.protocol] ?? key.protocol} ${ends} ${seconds(value.expires, now)}`,
    ...(key.protocol === 6 ? [`${letters(value.tcpFlagsOrigin)}/${letters(value.tcpFlagsReply)}`] : []),
    ...flags,
    ...(translated ? [`nat=${end(value.natAddress, value.natPort)}`] : []),
    ...((value.flags & CtFlag.CT_SERVICE) === 0 ? [] : [`backend=${value.backend}`]),
    ...under("egress", value.egressAllowed),
    ...under("ingress", value.ingressAllowed),
  ].join(" ");
}

/** TCP flags seen from one side. */
function letters(flags: number): string {
  const seen = `${flags & 2 ? "S" : ""}${flags & 1 ? "F" : ""}${flags & 4 ? "R" : ""}`;
  return seen === "" ? "-" : seen;
}

/** Policy set and peer identity that a flow was allowed under. */
const under = (direction: string, allowed: bigint): readonly string[] =>
  allowed === 0n ? [] : [`${direction}=${allowed >> 32n}/${allowed & 0xffff_ffffn}`];

/** How long until then. What began a lifetime a moment ago, on a machine with other things to do, still reads as all of it. */
function seconds(expires: bigint, now: number): string {
  const left = (Number(expires) / 1e6 - now) / 1000;
  const whole = LIFETIMES.find((lifetime) => left > lifetime - 5 && left < lifetime + 1);
  return `${whole ?? Math.round(left)}s`;
}

const LIFETIMES = [
  CtLifetime.CT_LIFETIME_TCP,
  CtLifetime.CT_LIFETIME_OTHER,
  CtLifetime.CT_LIFETIME_TCP_CLOSING,
] as const;

/** `out tcp 10.1.0.10:40000 > 203.0.113.9:80 as 192.168.50.1:40000 8000s`, and the way back. */
function tellNat(key: NatKey, value: NatValue, now: number): string {
  const [direction, as] = key.direction === Direction.DIRECTION_EGRESS ? ["out", "as"] : ["back", "to"];
  const ends = `${end(key.source, key.sourcePort)} > ${end(key.destination, key.destinationPort)}`;
  return `${direction} ${PROTOCOLS[key.protocol] ?? key.protocol} ${ends} ${as} ${end(value.address, value.port)} ${seconds(value.expires, now)}`;
}

function tellFragment(key: FragmentKey, value: FragmentValue): string {
  const ends = `${formatAddress(key.source)} > ${formatAddress(key.destination)}`;
  return `${PROTOCOLS[key.protocol] ?? key.protocol} ${ends} #${key.id} ports ${value.sourcePort} ${value.destinationPort}`;
}

interface Row {
  readonly key: string;
  readonly text: string;
}

function rows(tables: Tables, now: number): readonly Row[] {
  const key = (table: string, value: object): string => `${table} ${JSON.stringify(value)}`;
  return [
    ...tables.conntrack.map(([k, v]) => ({ key: key("ct", k), text: `ct ${tellConntrack(k, v, now)}` })),
    ...tables.nat.map(([k, v]) => ({ key: key("nat", k), text: `nat ${tellNat(k, v, now)}` })),
    ...tables.fragments.map(([k, v]) => ({
      key: key("fragment", k),
      text: `fragment ${tellFragment(k, v)}`,
    })),
  ];
}

/** What changed from one look at the tables to the next: `+` is new, `~` is changed, `-` is gone. Sorted. */
export function tellChanges(before: Tables, after: Tables, now: number): readonly string[] {
  const old = new Map(rows(before, now).map(({ key, text }) => [key, text]));
  const changes: string[] = [];
  for (const { key, text } of rows(after, now)) {
    const was = old.get(key);
    old.delete(key);
    if (was === undefined) changes.push(`+ ${text}`);
    else if (was !== text) changes.push(`~ ${text}`);
  }
  for (const text of old.values()) changes.push(`- ${text}`);
  return changes.sort();
}
