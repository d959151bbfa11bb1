/**
 * The messages of BGP-4, read and written: no sockets, no clock.
 *
 * @packageDocumentation
 */

export { AFI, FAMILIES, type Family, familyOf, SAFI_UNICAST, WIDTH } from "./family.ts";
export type { WireContext } from "./context.ts";

export { CLASSIC_MAXIMUM, encodeKeepalive, EXTENDED_MAXIMUM, HEADER, type MessageType } from "./header.ts";
export { type Message, MessageReader } from "./message.ts";

export { AS_TRANS, decodeOpen, encodeOpen, type Open } from "./open.ts";
export type {
  Capability,
  CapabilityKind,
  FamilyNumbers,
  GracefulRestart,
  LongLivedGracefulRestart,
} from "./capability.ts";
export {
  negotiate,
  type Negotiated,
  type PeerGracefulRestart,
  type PeerLongLived,
  type SessionFacts,
} from "./negotiate.ts";
export type { Role } from "./role.ts";

export {
  CEASE,
  cease,
  decodeNotification,
  describeNotification,
  encodeNotification,
  hardReset,
  shutdownCommunication,
  unwrapHardReset,
} from "./notification.ts";
export { NOTIFICATION, refusal } from "./refusal.ts";
export { decodeRouteRefresh, encodeRouteRefresh, type RouteRefresh } from "./route-refresh.ts";

export type {
  AsPathSegment,
  LargeCommunity,
  Origin,
  PathAttributes,
  UnknownAttribute,
} from "./attributes.ts";
export { type EncodedAttributes, encodeAttributes } from "./attributes/encode.ts";
export type { AttributeFault, Reach, Update } from "./update.ts";
export { UpdateDecoder } from "./update-decoder.ts";

export {
  checkNlri,
  encodePrefix,
  maskBits,
  type NlriPrefix,
  type NlriRun,
  prefixSource,
  readNlri,
  readPrefix,
} from "./nlri.ts";
export { type EncodedPrefix, parsePrefix } from "./prefix-text.ts";
export {
  encodeEndOfRib,
  MAX_PREFIX,
  type Packed,
  packReach,
  packWithdraw,
  type PrefixSource,
} from "./pack.ts";

export { formatAddress, parseAddress } from "./address.ts";
export {
  formatCommunity,
  formatLargeCommunity,
  parseCommunity,
  parseLargeCommunity,
  WELL_KNOWN_COMMUNITIES,
} from "./communities.ts";
export { formatExtendedCommunity, parseExtendedCommunity } from "./extended-communities.ts";
