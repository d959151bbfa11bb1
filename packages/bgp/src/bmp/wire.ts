/** The messages of the BGP Monitoring Protocol (RFC 7854), written and read: no sockets, no clock. */
export {
  BMP_STATISTIC,
  type BmpInformation,
  type BmpMessage,
  type BmpPeer,
  type BmpStatistic,
  type PeerDownReason,
} from "./messages.ts";
export { decodeBmp } from "./decode.ts";
export { encodeBmp } from "./encode.ts";
export { BmpReader } from "./reader.ts";
