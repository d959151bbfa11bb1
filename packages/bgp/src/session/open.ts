import type { PeerConfig } from "../api/config.ts";
import type { Capability, FamilyNumbers } from "../wire/capability.ts";
import { AFI, FAMILIES, type Family, SAFI_UNICAST } from "../wire/family.ts";
import type { Open } from "../wire/open.ts";
import type { Speaking } from "./collision.ts";

/** What an OPEN says that no configuration knows. */
export interface OpenFacts {
  /** This process takes the place of another, and the peer may have kept its routes: the R bit (RFC 4724 section 3). */
  readonly restarting: boolean;
  /** Families whose forwarding went on meanwhile. @defaultValue what the configuration says, for all */
  readonly forwarding?: readonly Family[] | undefined;
  /** For the peer's operator to see. */
  readonly host?: string | undefined;
}

const HOLD_TIME = 90;
const RESTART_TIME = 120;

/** Families of a peer, in the order of their numbers. */
export function familiesOf(config: PeerConfig): readonly Family[] {
  if (config.families === undefined) return ["ipv4-unicast"];
  return FAMILIES.filter((family) => config.families?.[family] !== undefined);
}

/** What we say to a peer of ourselves. */
export function openOf(config: PeerConfig, local: Speaking, facts: OpenFacts): Open {
  const asn = config.localAsn ?? local.asn;
  return {
    asn,
    holdTime: config.timers?.hold ?? HOLD_TIME,
    routerId: local.routerId,
    capabilities: [
      ...familiesOf(config).map((family) => ({ kind: "multiprotocol" as const, ...numbers(family) })),
      { kind: "route-refresh" },
      { kind: "enhanced-route-refresh" },
      { kind: "extended-message" },
      { kind: "four-octet-as", asn },
      ...extendedNextHop(config),
      ...gracefulRestart(config, facts),
      ...addPath(config),
      ...(config.role === undefined ? [] : [{ kind: "role" as const, role: config.role }]),
      ...(facts.host === undefined ? [] : [{ kind: "fqdn" as const, host: facts.host, domain: "" }]),
    ],
  };
}

function numbers(family: Family): FamilyNumbers {
  return { afi: AFI[family], safi: SAFI_UNICAST };
}

function extendedNextHop(config: PeerConfig): readonly Capability[] {
  if (!familiesOf(config).includes("ipv4-unicast")) return [];
  const families = [{ ...numbers("ipv4-unicast"), nextHopAfi: AFI["ipv6-unicast"] }];
  return [{ kind: "extended-next-hop", families }];
}

function gracefulRestart(config: PeerConfig, facts: OpenFacts): readonly Capability[] {
  if (config.gracefulRestart === false) return [];
  const {
    restartTime = RESTART_TIME,
    forwardingPreserved = true,
    longLived = 0,
  } = config.gracefulRestart ?? {};
  const families = familiesOf(config).map((family) => ({
    ...numbers(family),
    forwarding: facts.forwarding?.includes(family) ?? forwardingPreserved,
  }));
  const graceful: Capability = {
    kind: "graceful-restart",
    restarted: facts.restarting,
    notification: true,
    restartTime,
    families,
  };
  if (longLived === 0) return [graceful];
  return [
    graceful,
    {
      kind: "long-lived-graceful-restart",
      families: families.map((family) => ({ ...family, staleTime: longLived })),
    },
  ];
}

function addPath(config: PeerConfig): readonly Capability[] {
  const { send = false, receive = false } = config.addPath ?? {};
  if (!send && !receive) return [];
  const families = familiesOf(config).map((family) => ({ ...numbers(family), send, receive }));
  return [{ kind: "add-path", families }];
}
