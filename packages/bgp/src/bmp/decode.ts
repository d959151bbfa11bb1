import { BgpError } from "../errors.ts";
import { uint16, uint32 } from "../wire/bytes.ts";
import { familyOf } from "../wire/family.ts";
import { HEADER, MESSAGE_TYPE } from "../wire/header.ts";
import { decodeNotification } from "../wire/notification.ts";
import { BMP_HEADER, BMP_VERSION, REASON } from "./encode.ts";
import {
  BMP_TYPE,
  type BmpInformation,
  type BmpMessage,
  type BmpPeer,
  type BmpStatistic,
  type PeerDownReason,
} from "./messages.ts";
import { addressAt, decodePeer, PEER_HEADER } from "./peer-header.ts";

/**
 * Reads one whole message. What is in it is copied; BGP messages in it are framed, not read.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE`: it is none.
 */
export function decodeBmp(message: Uint8Array): BmpMessage {
  if (message.length < BMP_HEADER || message[0] !== BMP_VERSION || uint32(message, 1) !== message.length)
    throw malformed("no message of BMP version 3");
  const type = message[5] as number;
  const body = message.slice(BMP_HEADER);
  if (type === BMP_TYPE.initiation) return { kind: "initiation", information: informationOf(body, 0) };
  if (type === BMP_TYPE.termination) return termination(body);
  if (type > BMP_TYPE["peer-up"]) return { kind: "unknown", type, body };
  if (body.length < PEER_HEADER) throw malformed("the per-peer header is cut short");
  const peer = decodePeer(body, 0);
  if (peer === undefined) return { kind: "unknown", type, body };
  switch (type) {
    case BMP_TYPE["route-monitoring"]:
      return { kind: "route-monitoring", peer, update: onlyMessage(body, PEER_HEADER, "update") };
    case BMP_TYPE["statistics-report"]:
      return { kind: "statistics-report", peer, statistics: statisticsOf(body) };
    case BMP_TYPE["peer-down"]:
      return { kind: "peer-down", peer, reason: downReason(body) };
    default:
      return peerUp(peer, body);
  }
}

function termination(body: Uint8Array): BmpMessage {
  const all = informationOf(body, 0);
  const isReason = ({ type, value }: BmpInformation): boolean => type === REASON && value.length === 2;
  const reason = all.find(isReason);
  return {
    kind: "termination",
    reason: reason === undefined ? undefined : uint16(reason.value, 0),
    information: all.filter((each) => each !== reason),
  };
}

function peerUp(peer: BmpPeer, body: Uint8Array): BmpMessage {
  const at = PEER_HEADER;
  if (body.length < at + 20) throw malformed("Peer Up is cut short");
  const sent = messageAt(body, at + 20, "open");
  const received = messageAt(body, at + 20 + sent.length, "open");
  return {
    kind: "peer-up",
    peer,
    localAddress: addressAt(body, at, peer.address.includes(":")),
    localPort: uint16(body, at + 16),
    remotePort: uint16(body, at + 18),
    ...{ sent, received },
    information: informationOf(body, at + 20 + sent.length + received.length),
  };
}

function downReason(body: Uint8Array): PeerDownReason {
  const at = PEER_HEADER + 1;
  const reason = body[PEER_HEADER];
  switch (reason) {
    case undefined:
      throw malformed("Peer Down is cut short");
    case 1:
    case 3: {
      const notification = decodeNotification(onlyMessage(body, at, "notification"));
      return { by: reason === 1 ? "local" : "remote", notification };
    }
    case 2:
      if (body.length !== at + 2) throw malformed("Peer Down has no event of two bytes");
      return { by: "local", fsmEvent: uint16(body, at) };
    case 4:
      return { by: "remote" };
    case 5:
      return { by: "configuration" };
    default:
      return { by: "unknown", reason, data: body.slice(at) };
  }
}

function statisticsOf(body: Uint8Array): BmpStatistic[] {
  if (body.length < PEER_HEADER + 4) throw malformed("Statistics Report is cut short");
  const all = informationOf(body, PEER_HEADER + 4);
  if (all.length !== uint32(body, PEER_HEADER)) throw malformed("the number of statistics is wrong");
  return all.map(({ type, value }) => {
    if (value.length === 4) return { type, value: BigInt(uint32(value, 0)), bits: 32 };
    if (value.length === 8) return { type, value: uint64(value, 0), bits: 64 };
    const family = value.length === 11 ? familyOf(uint16(value, 0), value[2] as number) : undefined;
    return family === undefined ? { type, data: value } : { type, family, value: uint64(value, 3) };
  });
}

function informationOf(body: Uint8Array, start: number): BmpInformation[] {
  const all: BmpInformation[] = [];
  for (let at = start; at < body.length;) {
    const end = at + 4 > body.length ? Infinity : at + 4 + uint16(body, at + 2);
    if (end > body.length) throw malformed("information is cut short");
    all.push({ type: uint16(body, at), value: body.slice(at + 4, end) });
    at = end;
  }
  return all;
}

function onlyMessage(body: Uint8Array, at: number, type: "update" | "notification"): Uint8Array {
  const message = messageAt(body, at, type);
  if (at + message.length !== body.length) throw malformed(`something follows the ${type}`);
  return message;
}

/** The BGP message at `at`. */
function messageAt(body: Uint8Array, at: number, type: "open" | "update" | "notification"): Uint8Array {
  const length = at + HEADER > body.length ? Infinity : uint16(body, at + 16);
  const least = { open: HEADER + 10, update: HEADER + 4, notification: HEADER + 2 }[type];
  if (length < least || at + length > body.length || body[at + 18] !== MESSAGE_TYPE[type])
    throw malformed(`there is no ${type} where one should be`);
  return body.slice(at, at + length);
}

function uint64(bytes: Uint8Array, at: number): bigint {
  return BigInt(uint32(bytes, at)) * 0x1_0000_0000n + BigInt(uint32(bytes, at + 4));
}

function malformed(message: string): BgpError {
  return new BgpError("ERR_BGP_MESSAGE", `BMP: ${message}`);
}
