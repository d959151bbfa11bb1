import { encodeCapability } from "./capabilities.ts";
import type { Capability, CapabilityKind } from "./capability.ts";
import type { WireContext } from "./context.ts";
import { AFI, FAMILIES, type Family, SAFI_UNICAST } from "./family.ts";
import { CLASSIC_MAXIMUM, EXTENDED_MAXIMUM } from "./header.ts";
import type { Open } from "./open.ts";
import { NOTIFICATION, refusal } from "./refusal.ts";
import { COUNTERPART, type Role } from "./role.ts";

/** What is known of a session besides both OPENs. */
export interface SessionFacts {
  readonly remoteAsn: number | "external" | "internal" | "any";
  /** Seconds, at most; never more than a third of the hold time. */
  readonly keepalive?: number | undefined;
  /** The peer must have a role too: RFC 9234 section 4.2. @defaultValue false */
  readonly strictRole?: boolean | undefined;
}

/** What two OPENs come to. */
export interface Negotiated {
  readonly context: WireContext;
  readonly remoteAsn: number;
  readonly remoteRouterId: string;
  /** Seconds; 0: neither keepalives nor a hold timer. */
  readonly holdTime: number;
  /** Seconds; 0: none are sent. */
  readonly keepalive: number;
  /** Of families both carry. `undefined`: not both of us have it. */
  readonly gracefulRestart: PeerGracefulRestart | undefined;
  /** RFC 9494; empty without graceful restart. Of families both carry. */
  readonly longLived: readonly PeerLongLived[];
  readonly routeRefresh: boolean;
  /** RFC 7313: a refresh is marked where it begins and ends. */
  readonly enhancedRouteRefresh: boolean;
  readonly remoteRole: Role | undefined;
  /** Both have them; once each, in the order of ours. */
  readonly capabilities: readonly CapabilityKind[];
}

/** What the peer has said of its restarts: RFC 4724 section 3. */
export interface PeerGracefulRestart {
  /** Seconds we wait for it to come back. */
  readonly restartTime: number;
  /** It has just restarted. */
  readonly restarted: boolean;
  /** Both of us keep routes past a NOTIFICATION: RFC 8538. */
  readonly notification: boolean;
  readonly families: readonly { readonly family: Family; readonly forwarding: boolean }[];
}

export interface PeerLongLived {
  readonly family: Family;
  readonly forwarding: boolean;
  /** Seconds. */
  readonly staleTime: number;
}

/**
 * Decides what a session can do.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE` with the NOTIFICATION of RFC 4271 section 6.2, RFC 5492 section 5 or
 * RFC 9234 section 4.2.
 */
export function negotiate(ours: Open, theirs: Open, facts: SessionFacts): Negotiated {
  const internal = ours.asn === theirs.asn;
  checkAsn(theirs.asn, internal, facts.remoteAsn);
  // RFC 6286: only in one AS must identifiers differ.
  if (internal && ours.routerId === theirs.routerId)
    throw refusal(NOTIFICATION.open, 3, `the peer has our BGP identifier, ${theirs.routerId}`);
  const remoteRole = internal ? undefined : checkRoles(ours, theirs, facts.strictRole ?? false);
  const families = commonFamilies(ours, theirs);
  const holdTime = Math.min(ours.holdTime, theirs.holdTime);
  const shared = (kind: CapabilityKind): boolean => has(ours, kind) && has(theirs, kind);
  const gracefulRestart = peerGracefulRestart(ours, theirs, families);
  return {
    context: {
      fourOctetAs: shared("four-octet-as"),
      internal,
      families,
      addPathReceive: addPath(ours, theirs, families),
      addPathSend: addPath(theirs, ours, families),
      extendedNextHop: extendedNextHop(ours) && extendedNextHop(theirs) && families.includes("ipv4-unicast"),
      maxMessage: shared("extended-message") ? EXTENDED_MAXIMUM : CLASSIC_MAXIMUM,
    },
    remoteAsn: theirs.asn,
    remoteRouterId: theirs.routerId,
    holdTime,
    keepalive: keepaliveOf(holdTime, facts.keepalive),
    gracefulRestart,
    longLived: gracefulRestart === undefined ? [] : peerLongLived(ours, theirs, families),
    routeRefresh: shared("route-refresh"),
    enhancedRouteRefresh: shared("route-refresh") && shared("enhanced-route-refresh"),
    remoteRole,
    capabilities: [...new Set(ours.capabilities.map(({ kind }) => kind))].filter(
      (kind) => kind !== "unknown" && has(theirs, kind),
    ),
  };
}

function checkAsn(asn: number, internal: boolean, expected: SessionFacts["remoteAsn"]): void {
  const right =
    expected === "any" ||
    (expected === "internal" && internal) ||
    (expected === "external" && !internal) ||
    expected === asn;
  if (!right) throw refusal(NOTIFICATION.open, 2, `the peer is AS ${asn}, not ${expected}`);
}

function keepaliveOf(holdTime: number, wanted: number | undefined): number {
  if (holdTime === 0) return 0;
  return Math.max(1, Math.min(wanted ?? Infinity, Math.floor(holdTime / 3)));
}

/** RFC 9234 section 4.2. Within an AS there are no roles. */
function checkRoles(ours: Open, theirs: Open, strict: boolean): Role | undefined {
  const role = last(ours.capabilities, "role")?.role;
  const claimed = new Set(
    theirs.capabilities.filter((each) => each.kind === "role").map((each) => each.role),
  );
  const remote = [...claimed][0];
  const known = typeof remote === "string" ? remote : undefined;
  if (typeof role !== "string") return known;
  if (claimed.size === 0) {
    if (strict) throw refusal(NOTIFICATION.open, 11, `the peer has no role, and ours is ${role}`);
    return undefined;
  }
  if (claimed.size > 1 || remote !== COUNTERPART[role])
    throw refusal(NOTIFICATION.open, 11, `the peer is ${[...claimed].join(" and ")}, and we are ${role}`);
  return known;
}

/** @throws {@link BgpError}: there are none; the data says which we have (RFC 5492 section 5). */
function commonFamilies(ours: Open, theirs: Open): readonly Family[] {
  const remote = familiesOf(theirs);
  const families = familiesOf(ours).filter((family) => remote.includes(family));
  if (families.length > 0) return families;
  const needed = ours.capabilities.filter(({ kind }) => kind === "multiprotocol");
  throw refusal(
    NOTIFICATION.open,
    7,
    "the peer carries none of our address families",
    needed.flatMap((capability) => [...encodeCapability(capability)]),
  );
}

/** Who names none carries what BGP carried before there were others. */
function familiesOf(open: Open): readonly Family[] {
  if (!has(open, "multiprotocol")) return ["ipv4-unicast"];
  return FAMILIES.filter((family) =>
    open.capabilities.some((each) => each.kind === "multiprotocol" && isOf(each, family)),
  );
}

/** Families whose prefixes come with path identifiers from `sender` to `receiver`. */
function addPath(receiver: Open, sender: Open, families: readonly Family[]): readonly Family[] {
  return families.filter(
    (family) =>
      last(receiver.capabilities, "add-path")?.families.findLast((each) => isOf(each, family))?.receive ===
        true &&
      last(sender.capabilities, "add-path")?.families.findLast((each) => isOf(each, family))?.send === true,
  );
}

function extendedNextHop(open: Open): boolean {
  return open.capabilities.some(
    (each) =>
      each.kind === "extended-next-hop" &&
      each.families.some((entry) => isOf(entry, "ipv4-unicast") && entry.nextHopAfi === AFI["ipv6-unicast"]),
  );
}

function peerGracefulRestart(
  ours: Open,
  theirs: Open,
  families: readonly Family[],
): PeerGracefulRestart | undefined {
  const mine = last(ours.capabilities, "graceful-restart");
  const remote = last(theirs.capabilities, "graceful-restart");
  if (mine === undefined || remote === undefined) return undefined;
  return {
    restartTime: remote.restartTime,
    restarted: remote.restarted,
    notification: mine.notification && remote.notification,
    families: families.flatMap((family) => {
      const entry = remote.families.findLast((each) => isOf(each, family));
      return entry === undefined ? [] : [{ family, forwarding: entry.forwarding }];
    }),
  };
}

function peerLongLived(ours: Open, theirs: Open, families: readonly Family[]): PeerLongLived[] {
  const mine = last(ours.capabilities, "long-lived-graceful-restart");
  const remote = last(theirs.capabilities, "long-lived-graceful-restart");
  if (mine === undefined || remote === undefined) return [];
  return families.flatMap((family) => {
    const entry = remote.families.findLast((each) => isOf(each, family));
    return entry === undefined ? [] : [{ family, forwarding: entry.forwarding, staleTime: entry.staleTime }];
  });
}

function isOf(numbers: { readonly afi: number; readonly safi: number }, family: Family): boolean {
  return numbers.afi === AFI[family] && numbers.safi === SAFI_UNICAST;
}

function has(open: Open, kind: CapabilityKind): boolean {
  return open.capabilities.some((capability) => capability.kind === kind);
}

/** Of several of a kind that allows one, the last counts: RFC 4724 section 3, RFC 7911 section 4. */
function last<Kind extends CapabilityKind>(
  capabilities: readonly Capability[],
  kind: Kind,
): Extract<Capability, { readonly kind: Kind }> | undefined {
  return capabilities.findLast(
    (each): each is Extract<Capability, { readonly kind: Kind }> => each.kind === kind,
  );
}
