import type { PeerStatus } from "@netloom/bgp";
import type { Json } from "@netloom/core";
import type { BgpCondition } from "./resources/index.ts";

/** What a node says of its speakers. Plain data. */
export interface BgpStatus {
  readonly node: string;
  readonly instances: readonly InstanceStatus[];
  /** What keeps part of the configuration from being so. */
  readonly conditions: readonly BgpCondition[];
}

export interface InstanceStatus {
  readonly name: string;
  readonly asn: number;
  readonly routerId: string;
  /** Prefixes that some peer is told. */
  readonly advertised: number;
  readonly peers: readonly PeerStatus[];
}

/** As it stands in the store: what changes with each message is left out. */
export function statusToJson({ node, instances, conditions }: BgpStatus): Json {
  return {
    node,
    conditions: conditions.map((condition) => ({ ...condition })),
    instances: instances.map(({ name, asn, routerId, advertised, peers }) => ({
      name,
      asn,
      routerId,
      advertised,
      peers: peers.map((peer) => ({
        name: peer.name,
        address: peer.remoteAddress,
        asn: peer.remoteAsn ?? null,
        state: peer.state,
        establishedAt: peer.establishedAt ?? null,
        holdTime: peer.holdTime ?? null,
        keepalive: peer.keepalive ?? null,
        lastError: peer.lastError?.message ?? null,
        families: peer.families.map(({ family, received, accepted, advertised }) => ({
          family,
          received,
          accepted,
          advertised,
        })),
      })),
    })),
  };
}
