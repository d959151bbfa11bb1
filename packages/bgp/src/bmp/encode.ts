import { bytesOf, concatenate } from "../wire/bytes.ts";
import { AFI, SAFI_UNICAST } from "../wire/family.ts";
import { encodeNotification } from "../wire/notification.ts";
import {
  BMP_TYPE,
  type BmpInformation,
  type BmpMessage,
  type BmpPeer,
  type BmpStatistic,
  type PeerDownReason,
} from "./messages.ts";
import { addressBytes, encodePeer, PEER_HEADER } from "./peer-header.ts";

export const BMP_VERSION = 3;
/** Bytes of the common header: version, length, type. */
export const BMP_HEADER = 6;
/** Of an information TLV of a Termination. */
export const REASON = 1;

/** Writes a message. @throws RangeError: a value does not fit. */
export function encodeBmp(message: BmpMessage): Uint8Array {
  switch (message.kind) {
    case "initiation":
      return frame(BMP_TYPE.initiation, message.information.map(tlv));
    case "termination": {
      const { reason, information } = message;
      const first =
        reason === undefined ? [] : [{ type: REASON, value: Uint8Array.from(bytesOf(reason, 2)) }];
      return frame(BMP_TYPE.termination, [...first, ...information].map(tlv));
    }
    case "peer-up":
      return frame(BMP_TYPE["peer-up"], [
        encodePeer(message.peer),
        addressBytes(message.localAddress),
        Uint8Array.of(...bytesOf(message.localPort, 2), ...bytesOf(message.remotePort, 2)),
        ...[message.sent, message.received],
        ...message.information.map(tlv),
      ]);
    case "peer-down":
      return frame(BMP_TYPE["peer-down"], [encodePeer(message.peer), ...downParts(message.reason)]);
    case "route-monitoring":
      return monitoring(encodePeer(message.peer), message.update);
    case "statistics-report": {
      const { peer, statistics } = message;
      const count = Uint8Array.from(bytesOf(statistics.length, 4));
      return frame(BMP_TYPE["statistics-report"], [encodePeer(peer), count, ...statistics.map(statistic)]);
    }
    case "unknown":
      return frame(message.type, [message.body]);
  }
}

/** Route Monitoring: the UPDATE behind a header that many share. */
function monitoring(peer: Uint8Array, update: Uint8Array): Uint8Array {
  const message = new Uint8Array(BMP_HEADER + PEER_HEADER + update.length);
  writeHeader(message, BMP_TYPE["route-monitoring"]);
  message.set(peer, BMP_HEADER);
  message.set(update, BMP_HEADER + PEER_HEADER);
  return message;
}

/** For many messages of one peer, which differ in when it was: 0, unknown. */
export function routeMonitoring(peer: BmpPeer): (update: Uint8Array, at: number) => Uint8Array {
  const header = encodePeer({ ...peer, at: 0 });
  return (update, at) => {
    const message = monitoring(header, update);
    const view = new DataView(message.buffer);
    view.setUint32(BMP_HEADER + 34, Math.floor(at / 1000));
    view.setUint32(BMP_HEADER + 38, Math.floor((at % 1000) * 1000));
    return message;
  };
}

function frame(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const message = concatenate([new Uint8Array(BMP_HEADER), ...parts]);
  writeHeader(message, type);
  return message;
}

function writeHeader(message: Uint8Array, type: number): void {
  message[0] = BMP_VERSION;
  message.set(bytesOf(message.length, 4), 1);
  message.set(bytesOf(type, 1), 5);
}

function tlv({ type, value }: BmpInformation): Uint8Array {
  return Uint8Array.of(...bytesOf(type, 2), ...bytesOf(value.length, 2), ...value);
}

function downParts(reason: PeerDownReason): Uint8Array[] {
  if ("notification" in reason)
    return [Uint8Array.of(reason.by === "local" ? 1 : 3), encodeNotification(reason.notification)];
  switch (reason.by) {
    case "local":
      return [Uint8Array.of(2, ...bytesOf(reason.fsmEvent, 2))];
    case "remote":
      return [Uint8Array.of(4)];
    case "configuration":
      return [Uint8Array.of(5)];
    case "unknown":
      return [Uint8Array.from(bytesOf(reason.reason, 1)), reason.data];
  }
}

function statistic(each: BmpStatistic): Uint8Array {
  if ("data" in each) return tlv({ type: each.type, value: each.data });
  const family = "family" in each ? [...bytesOf(AFI[each.family], 2), SAFI_UNICAST] : [];
  const narrow = "bits" in each && each.bits === 32;
  const number = narrow ? bytesOf(Number(each.value), 4) : bytesOf64(each.value);
  return tlv({ type: each.type, value: Uint8Array.of(...family, ...number) });
}

function bytesOf64(value: bigint): number[] {
  if (value < 0n || value >= 2n ** 64n) throw new RangeError(`${value} is no unsigned number of 8 bytes`);
  return [...bytesOf(Number(value >> 32n), 4), ...bytesOf(Number(value & 0xffff_ffffn), 4)];
}
