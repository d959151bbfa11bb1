import { readMac, writeMac } from "@netloom/core";
import { DropReason } from "@netloom/core/backend";
import { endpointOf } from "./ipcache.ts";
import { ETHERNET_HEADER, ETHERTYPE_IPV4 } from "./packet.ts";
import { Drop, type Verdict } from "./verdict.ts";
import type { Walk } from "./walk.ts";

/** RFC 826, for IPv4 over Ethernet: where things stand behind the Ethernet header. */
const LENGTH = 28;
const PROTOCOL = 2;
const OPERATION = 6;
const SENDER_MAC = 8;
const SENDER = 14;
const TARGET_MAC = 18;
const TARGET = 24;

const REQUEST = 1;
const REPLY = 2;

/**
 * A pod has one neighbour, its gateway: whatever address it asks for, the answer is the node side of its veth pair
 * (RFC 826; a router's proxy, RFC 1027). What it says of itself needs no answer.
 */
export function answerArp({ node, packet }: Walk): Verdict {
  const { view } = packet;
  const at = ETHERNET_HEADER;
  if (!packet.reaches(at + LENGTH)) throw silently(DropReason.DROP_INVALID_PACKET);
  if (view.getUint16(at + OPERATION) !== REQUEST || view.getUint16(at + PROTOCOL) !== ETHERTYPE_IPV4) {
    throw silently(DropReason.DROP_UNSUPPORTED_L2);
  }
  const [sender, target] = [view.getUint32(at + SENDER), view.getUint32(at + TARGET)];
  const pod = endpointOf(node, sender);
  if (pod === undefined || pod.ifindex !== packet.ifindex || sender === target) {
    throw silently(DropReason.DROP_INVALID_SOURCE_IP);
  }
  const asker = readMac(view, at + SENDER_MAC);
  writeMac(asker, view, 0);
  writeMac(pod.gatewayMac, view, 6);
  view.setUint16(at + OPERATION, REPLY);
  writeMac(pod.gatewayMac, view, at + SENDER_MAC);
  view.setUint32(at + SENDER, target);
  writeMac(asker, view, at + TARGET_MAC);
  view.setUint32(at + TARGET, sender);
  return { kind: "device", ifindex: packet.ifindex };
}

function silently(reason: DropReason): Drop {
  return new Drop(reason, { silent: true });
}
