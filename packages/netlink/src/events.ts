import type { Address } from "./model/address.ts";
import type { Link } from "./model/link.ts";
import type { FdbEntry, Neighbour } from "./model/neighbour.ts";
import type { Route } from "./model/route.ts";
import type { Rule } from "./model/rule.ts";
import { decodeAddress, RTM_DELADDR, RTM_NEWADDR } from "./wire/address.ts";
import { decodeLink, RTM_DELLINK, RTM_NEWLINK } from "./wire/link.ts";
import type { MessageCursor } from "./wire/message.ts";
import { decodeFdbEntry, decodeNeighbour, RTM_DELNEIGH, RTM_NEWNEIGH } from "./wire/neighbour.ts";
import { decodeRoute, RTM_DELROUTE, RTM_NEWROUTE } from "./wire/route.ts";
import { decodeRule, RTM_DELRULE, RTM_NEWRULE } from "./wire/rule.ts";

/** What can be watched. `neighbour` includes forwarding entries. */
export type EventGroup = "link" | "address" | "route" | "rule" | "neighbour";

/** Something in the namespace came, changed or went. `changed` covers both new and changed. */
export type RtnlEvent =
  | { readonly type: "link:changed" | "link:deleted"; readonly link: Link }
  | { readonly type: "address:changed" | "address:deleted"; readonly address: Address }
  | { readonly type: "route:changed" | "route:deleted"; readonly route: Route }
  | { readonly type: "rule:changed" | "rule:deleted"; readonly rule: Rule }
  | { readonly type: "neighbour:changed" | "neighbour:deleted"; readonly neighbour: Neighbour }
  | { readonly type: "fdb:changed" | "fdb:deleted"; readonly entry: FdbEntry }
  /**
   * Events were lost: list everything watched again. What comes after this marker is newer than what was
   * lost.
   */
  | { readonly type: "resync" };

/** Multicast groups of linux/rtnetlink.h (RTNLGRP_*), IPv4 and IPv6. */
export const GROUPS: Readonly<Record<EventGroup, readonly number[]>> = {
  link: [1],
  neighbour: [3],
  address: [5, 9],
  route: [7, 11],
  rule: [8, 19],
};

/** The event a message announces; undefined for what this package has no words for. */
export function decodeEvent(message: MessageCursor): RtnlEvent | undefined {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeLink(message);
      return link && { type: message.type === RTM_NEWLINK ? "link:changed" : "link:deleted", link };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(message);
      return (
        address && { type: message.type === RTM_NEWADDR ? "address:changed" : "address:deleted", address }
      );
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(message);
      return route && { type: message.type === RTM_NEWROUTE ? "route:changed" : "route:deleted", route };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(message);
      return rule && { type: message.type === RTM_NEWRULE ? "rule:changed" : "rule:deleted", rule };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return decodeNeighbourEvent(message, message.type === RTM_NEWNEIGH);
    default:
      return undefined;
  }
}

function decodeNeighbourEvent(message: MessageCursor, changed: boolean): RtnlEvent | undefined {
  const neighbour = decodeNeighbour(message);
  if (neighbour !== undefined)
    return { type: changed ? "neighbour:changed" : "neighbour:deleted", neighbour };
  const entry = decodeFdbEntry(message);
  return entry && { type: changed ? "fdb:changed" : "fdb:deleted", entry };
}
