import { invalid } from "../errors.ts";
import type {
  BridgeOptions,
  BridgeSettings,
  CreateLinkOptions,
  VethPeerOptions,
  VxlanOptions,
  VxlanSettings,
} from "../model/link.ts";
import { integer } from "../text/check.ts";
import { parseIp } from "../text/ip.ts";
import type { AttributeCursor } from "./message.ts";
import type { Mutable } from "./mutable.ts";
import type { MessageWriter } from "./writer.ts";

/** Inside IFLA_LINKINFO. */
export const IFLA_INFO = { KIND: 1, DATA: 2 } as const;

const VETH_INFO_PEER = 1;

const VXLAN = {
  ID: 1,
  GROUP: 2,
  LINK: 3,
  LOCAL: 4,
  TTL: 5,
  LEARNING: 7,
  PORT: 15,
  GROUP6: 16,
  LOCAL6: 17,
  UDP_CSUM: 18,
  UDP_ZERO_CSUM6_TX: 19,
  UDP_ZERO_CSUM6_RX: 20,
  GBP: 23,
  COLLECT_METADATA: 25,
} as const;

const BRIDGE = {
  FORWARD_DELAY: 1,
  AGEING_TIME: 4,
  STP_STATE: 5,
  VLAN_FILTERING: 7,
  MCAST_SNOOPING: 23,
} as const;

const IANA_VXLAN_PORT = 4789;
const MAX_VNI = 0xff_ffff;
/** Bridge times travel in USER_HZ. */
const TICKS_PER_SECOND = 100;

export function writeLinkInfo(
  writer: MessageWriter,
  op: string,
  options: CreateLinkOptions,
  writePeer: (peer: VethPeerOptions) => void,
): void {
  writer.attributeBytes(IFLA_INFO.KIND, Buffer.from(options.kind));
  switch (options.kind) {
    case "veth":
      writer.attribute(IFLA_INFO.DATA, () => {
        writer.attribute(VETH_INFO_PEER, () => {
          writePeer(options.peer);
        });
      });
      break;
    case "vxlan":
      writer.attribute(IFLA_INFO.DATA, () => {
        writeVxlan(writer, op, options);
      });
      break;
    case "bridge":
      writer.attribute(IFLA_INFO.DATA, () => {
        writeBridge(writer, op, options);
      });
      break;
    case "dummy":
    case "ifb":
      break;
    default:
      throw invalid(
        op,
        (options satisfies never as { kind: unknown }).kind,
        "a kind of link this package can make",
      );
  }
}

function writeVxlan(writer: MessageWriter, op: string, options: VxlanOptions): void {
  const { external = false, vni, local, remote } = options;
  if (vni === undefined && !external)
    throw invalid(op, vni, "a vni, which a vxlan needs unless it is external");
  if (vni !== undefined) writer.attributeU32(VXLAN.ID, integer(op, "a vni", vni, 0, MAX_VNI));
  const addresses = [local, remote].map((text) => (text === undefined ? undefined : parseIp(op, text)));
  const [source, target] = addresses;
  if (source !== undefined && target !== undefined && source.family !== target.family)
    throw invalid(op, remote, `of the same family as ${local}`);
  if (source !== undefined)
    writer.attributeBytes(source.family === 4 ? VXLAN.LOCAL : VXLAN.LOCAL6, source.bytes);
  if (target !== undefined)
    writer.attributeBytes(target.family === 4 ? VXLAN.GROUP : VXLAN.GROUP6, target.bytes);
  if (options.parent !== undefined) writer.attributeDevice(VXLAN.LINK, op, options.parent);
  writer.attributeU16be(VXLAN.PORT, integer(op, "a UDP port", options.port ?? IANA_VXLAN_PORT, 1, 0xffff));
  if (options.ttl !== undefined) writer.attributeU8(VXLAN.TTL, integer(op, "a ttl", options.ttl, 0, 255));
  const flag = (type: number, on: boolean | undefined): void => {
    if (on !== undefined) writer.attributeU8(type, on ? 1 : 0);
  };
  flag(VXLAN.LEARNING, options.learning);
  flag(VXLAN.UDP_CSUM, options.udpChecksum);
  flag(VXLAN.UDP_ZERO_CSUM6_TX, options.udpZeroChecksum6Tx);
  flag(VXLAN.UDP_ZERO_CSUM6_RX, options.udpZeroChecksum6Rx);
  if (external) flag(VXLAN.COLLECT_METADATA, true);
  // A flag by presence: no payload, and sending it means yes.
  if (options.gbp === true) writer.attributeBytes(VXLAN.GBP, new Uint8Array(0));
}

function writeBridge(writer: MessageWriter, op: string, options: BridgeOptions): void {
  const seconds = (type: number, value: number | undefined): void => {
    if (value === undefined) return;
    const ticks = Math.round(value * TICKS_PER_SECOND);
    if (!(ticks >= 0 && ticks <= 0xffff_ffff)) throw invalid(op, value, "a number of seconds");
    writer.attributeU32(type, ticks);
  };
  seconds(BRIDGE.FORWARD_DELAY, options.forwardDelay);
  seconds(BRIDGE.AGEING_TIME, options.ageingTime);
  if (options.stp !== undefined) writer.attributeU32(BRIDGE.STP_STATE, options.stp ? 1 : 0);
  if (options.vlanFiltering !== undefined)
    writer.attributeU8(BRIDGE.VLAN_FILTERING, options.vlanFiltering ? 1 : 0);
  if (options.multicastSnooping !== undefined)
    writer.attributeU8(BRIDGE.MCAST_SNOOPING, options.multicastSnooping ? 1 : 0);
}

export function decodeVxlan(attributes: AttributeCursor): VxlanSettings {
  const vxlan: Mutable<VxlanSettings> = {
    external: false,
    vni: undefined,
    port: 0,
    local: undefined,
    remote: undefined,
    parent: undefined,
    learning: false,
    ttl: 0,
    udpChecksum: false,
    udpZeroChecksum6Tx: false,
    udpZeroChecksum6Rx: false,
    gbp: false,
  };
  while (attributes.next()) {
    switch (attributes.type) {
      case VXLAN.ID:
        vxlan.vni = attributes.u32();
        break;
      case VXLAN.GROUP:
      case VXLAN.GROUP6:
        vxlan.remote = attributes.ip();
        break;
      case VXLAN.LOCAL:
      case VXLAN.LOCAL6:
        vxlan.local = attributes.ip();
        break;
      case VXLAN.LINK:
        vxlan.parent = attributes.u32() || undefined;
        break;
      case VXLAN.TTL:
        vxlan.ttl = attributes.u8();
        break;
      case VXLAN.PORT:
        vxlan.port = attributes.u16be();
        break;
      case VXLAN.LEARNING:
        vxlan.learning = attributes.u8() !== 0;
        break;
      case VXLAN.UDP_CSUM:
        vxlan.udpChecksum = attributes.u8() !== 0;
        break;
      case VXLAN.UDP_ZERO_CSUM6_TX:
        vxlan.udpZeroChecksum6Tx = attributes.u8() !== 0;
        break;
      case VXLAN.UDP_ZERO_CSUM6_RX:
        vxlan.udpZeroChecksum6Rx = attributes.u8() !== 0;
        break;
      case VXLAN.COLLECT_METADATA:
        vxlan.external = attributes.u8() !== 0;
        break;
      case VXLAN.GBP:
        vxlan.gbp = true;
        break;
      default:
        break;
    }
  }
  return vxlan;
}

export function decodeBridge(attributes: AttributeCursor): BridgeSettings {
  const bridge: Mutable<BridgeSettings> = {
    stp: false,
    vlanFiltering: false,
    multicastSnooping: false,
    ageingTime: 0,
    forwardDelay: 0,
  };
  while (attributes.next()) {
    switch (attributes.type) {
      case BRIDGE.STP_STATE:
        bridge.stp = attributes.u32() !== 0;
        break;
      case BRIDGE.VLAN_FILTERING:
        bridge.vlanFiltering = attributes.u8() !== 0;
        break;
      case BRIDGE.MCAST_SNOOPING:
        bridge.multicastSnooping = attributes.u8() !== 0;
        break;
      case BRIDGE.AGEING_TIME:
        bridge.ageingTime = attributes.u32() / TICKS_PER_SECOND;
        break;
      case BRIDGE.FORWARD_DELAY:
        bridge.forwardDelay = attributes.u32() / TICKS_PER_SECOND;
        break;
      default:
        break;
    }
  }
  return bridge;
}
