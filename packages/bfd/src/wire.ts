/** Of a session: RFC 5880 section 6.8.1. The order is that of the wire. */
export const STATES = ["admin-down", "down", "init", "up"] as const;
export type State = (typeof STATES)[number];

/** Why a session last went down: RFC 5880 section 4.1. The order is that of the wire. */
export const DIAGNOSTICS = [
  "none",
  "detection-time-expired",
  "echo-failed",
  "neighbour-signaled-down",
  "forwarding-plane-reset",
  "path-down",
  "concatenated-path-down",
  "administratively-down",
  "reverse-concatenated-path-down",
] as const;
export type Diagnostic = (typeof DIAGNOSTICS)[number] | "unknown";

/** A control packet without authentication: RFC 5880 section 4.1. Intervals are microseconds, as on the wire. */
export interface ControlPacket {
  readonly diagnostic: Diagnostic;
  readonly state: State;
  /** Asks for an answer with `final`. */
  readonly poll: boolean;
  readonly final: boolean;
  /** The sender's BFD does not share fate with its control plane. */
  readonly controlPlaneIndependent: boolean;
  /** The sender does not want to hear packets at intervals. */
  readonly demand: boolean;
  /** Of the sender's intervals, until it is taken for dead. */
  readonly detectMultiplier: number;
  readonly myDiscriminator: number;
  /** 0: not known yet. */
  readonly yourDiscriminator: number;
  readonly desiredMinTransmit: number;
  /** 0: send nothing at intervals. */
  readonly requiredMinReceive: number;
  /** 0: no echo packets are reflected. */
  readonly requiredMinEcho: number;
}

export const CONTROL_LENGTH = 24;

const VERSION = 1;
const POLL = 0x20;
const FINAL = 0x10;
const INDEPENDENT = 0x08;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

export function encodeControl(packet: ControlPacket): Buffer {
  const bytes = Buffer.alloc(CONTROL_LENGTH);
  const diagnostic = (DIAGNOSTICS as readonly string[]).indexOf(packet.diagnostic);
  bytes.writeUInt8((VERSION << 5) | Math.max(0, diagnostic), 0);
  bytes.writeUInt8(
    (STATES.indexOf(packet.state) << 6) |
      (packet.poll ? POLL : 0) |
      (packet.final ? FINAL : 0) |
      (packet.controlPlaneIndependent ? INDEPENDENT : 0) |
      (packet.demand ? DEMAND : 0),
    1,
  );
  bytes.writeUInt8(packet.detectMultiplier, 2);
  bytes.writeUInt8(CONTROL_LENGTH, 3);
  bytes.writeUInt32BE(packet.myDiscriminator, 4);
  bytes.writeUInt32BE(packet.yourDiscriminator, 8);
  bytes.writeUInt32BE(packet.desiredMinTransmit, 12);
  bytes.writeUInt32BE(packet.requiredMinReceive, 16);
  bytes.writeUInt32BE(packet.requiredMinEcho, 20);
  return bytes;
}

/** What must not reach a session, and why. */
export interface Discarded {
  readonly discarded: string;
}

/** Reads a datagram, by the checks of RFC 5880 section 6.8.6 that need no session, in their order. */
export function decodeControl(datagram: Uint8Array): ControlPacket | Discarded {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (bytes.length < CONTROL_LENGTH) return { discarded: "shorter than a control packet" };
  const [first = 0, flags = 0, detectMultiplier = 0, length = 0] = bytes;
  if (first >> 5 !== VERSION) return { discarded: `version ${first >> 5}` };
  const authenticated = (flags & AUTHENTICATION) !== 0;
  if (length < (authenticated ? CONTROL_LENGTH + 2 : CONTROL_LENGTH))
    return { discarded: "length too small" };
  if (length > bytes.length) return { discarded: "length beyond the datagram" };
  if (detectMultiplier === 0) return { discarded: "detection multiplier 0" };
  if ((flags & MULTIPOINT) !== 0) return { discarded: "multipoint" };
  const myDiscriminator = bytes.readUInt32BE(4);
  if (myDiscriminator === 0) return { discarded: "no discriminator of the sender" };
  const state = STATES[flags >> 6] ?? "admin-down";
  const yourDiscriminator = bytes.readUInt32BE(8);
  if (yourDiscriminator === 0 && (state === "init" || state === "up"))
    return { discarded: `no discriminator of ours in state ${state}` };
  if (authenticated) return { discarded: "authenticated, and no authentication is in use" };
  return {
    ...{ diagnostic: DIAGNOSTICS[first & 0x1f] ?? "unknown", state },
    ...{ poll: (flags & POLL) !== 0, final: (flags & FINAL) !== 0 },
    ...{ controlPlaneIndependent: (flags & INDEPENDENT) !== 0, demand: (flags & DEMAND) !== 0 },
    ...{ detectMultiplier, myDiscriminator, yourDiscriminator },
    desiredMinTransmit: bytes.readUInt32BE(12),
    requiredMinReceive: bytes.readUInt32BE(16),
    requiredMinEcho: bytes.readUInt32BE(20),
  };
}
