import { Address, ipv4 } from "@netloom/core";
import { CtFlag, CtLifetime, CtState, Hook, type CtKey, type CtValue } from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";
import { IpProtocol, TcpFlag } from "./protocols.ts";
import type { Ends, Walk } from "./walk.ts";

const SECOND = 1_000_000_000n;
const CLOSING = CtFlag.CT_CLOSING_ORIGIN | CtFlag.CT_CLOSING_REPLY;
/** The TCP flags that begin and end a connection: each is worth an event when it is new. */
const TELLING = TcpFlag.FIN | TcpFlag.SYN | TcpFlag.RST;

/** An entry of the table that a packet has found. */
export class Flow {
  readonly #node: NodeState;
  readonly #key: CtKey;
  #value: CtValue;

  constructor(node: NodeState, key: CtKey, value: CtValue) {
    this.#node = node;
    this.#key = key;
    this.#value = value;
  }

  get value(): CtValue {
    return this.#value;
  }

  has(flag: number): boolean {
    return (this.#value.flags & flag) !== 0;
  }

  change(fields: Partial<CtValue>): void {
    this.#value = { ...this.#value, ...fields };
    this.#node.maps.conntrack.set(this.#key, this.#value);
  }
}

/** A 32-bit number as a little-endian machine reads it from network order. */
export function littleEndian(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** The same for 16 bits. */
export function littleEndianPort(port: number): number {
  return ((port & 0xff) << 8) | (port >>> 8);
}

/**
 * One key for both directions: the ends are sorted. Any order would do; this is the one of the little-endian machines
 * that the kernel's programs run on, so that both datapaths write the same entries.
 */
export function ctKeyOf(ends: Ends, protocol: number): { key: CtKey; sourceIsLow: boolean } {
  const { source, destination, sourcePort, destinationPort } = ends;
  const order =
    littleEndian(source) - littleEndian(destination) ||
    littleEndianPort(sourcePort) - littleEndianPort(destinationPort);
  const [from, to] = [ipv4(source), ipv4(destination)];
  return order <= 0
    ? {
        sourceIsLow: true,
        key: { low: from, high: to, lowPort: sourcePort, highPort: destinationPort, protocol },
      }
    : {
        sourceIsLow: false,
        key: { low: to, high: from, lowPort: destinationPort, highPort: sourcePort, protocol },
      };
}

/** Finds the packet's flow and says which way it goes. An expired or ended flow is none: its entry will be replaced. */
export function ctFind(walk: Walk): Flow | undefined {
  const { node, inner } = walk;
  walk.ctState = CtState.CT_NEW;
  if (walk.flowless && !isPlausibleError(walk)) return undefined;
  const { key, sourceIsLow } =
    inner === undefined ? ctKeyOf(walk.goes, walk.protocol) : ctKeyOf(inner.ends, inner.protocol);
  const value = node.maps.conntrack.use(key);
  if (value === undefined || value.expires < walk.now) return undefined;
  const flow = new Flow(node, key, value);
  walk.origin = sourceIsLow === flow.has(CtFlag.CT_ORIGIN_IS_LOW);
  if (inner !== undefined) {
    walk.ctState = CtState.CT_RELATED;
    return flow;
  }
  if (flow.has(CLOSING) && opensConnection(walk)) return undefined;
  walk.ctState = walk.origin ? CtState.CT_ESTABLISHED : CtState.CT_REPLY;
  return flow;
}

/**
 * An ICMP error goes to whoever sent the packet it is about; else it would open any door to whoever has a flow. Routers
 * on the way may send one too, but pods are none.
 */
function isPlausibleError({ inner, goes, hook }: Walk): boolean {
  if (inner?.ends.source !== goes.destination) return false;
  return hook !== Hook.HOOK_FROM_CONTAINER || inner.ends.destination === goes.source;
}

/** The same ports again, for another connection: policy is asked again. */
function opensConnection({ protocol, tcpFlags }: Walk): boolean {
  return protocol === IpProtocol.TCP && (tcpFlags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN;
}

/** Notes a packet of a known flow. Writes only what has changed by enough to matter. */
export function ctTouch(walk: Walk, flow: Flow): void {
  const reply = walk.ctState === CtState.CT_REPLY;
  const before = flow.value;
  const flags = flagsAfter(walk, before.flags, reply);
  const expires = walk.now + lifetime(walk, flags);
  const changes: { -readonly [Field in keyof CtValue]?: CtValue[Field] } = {};
  if (flags !== before.flags) {
    if (((flags ^ before.flags) & CtFlag.CT_SEEN_REPLY) !== 0) walk.report = true;
    changes.flags = flags;
  }
  // Lifetimes shrink too, when a connection ends.
  if (expires > before.expires + SECOND || expires + SECOND < before.expires) changes.expires = expires;
  const side = reply ? "tcpFlagsReply" : "tcpFlagsOrigin";
  const told = walk.tcpFlags & TELLING;
  if ((told & ~before[side]) !== 0) {
    changes[side] = before[side] | told;
    walk.report = true;
  }
  if (walk.now > before.reported + BigInt(CtLifetime.CT_REPORT_INTERVAL) * SECOND) {
    changes.reported = walk.now;
    walk.report = true;
  }
  if (Object.keys(changes).length > 0) flow.change(changes);
}

/** What a new entry remembers beyond its ends. */
export interface Remembered {
  flags: number;
  natAddress: number;
  natPort: number;
  /** Of a service's flow. */
  backend: number;
  egressAllowed: bigint;
  ingressAllowed: bigint;
}

/** Is the flow translated as this packet of it is? The same two ends may meet by a frontend, and without one. */
export function translatedAlike({ value }: Flow, packet: Partial<Remembered>): boolean {
  const translated = ((packet.flags ?? 0) & CtFlag.CT_TRANSLATED) !== 0;
  if (((value.flags & CtFlag.CT_TRANSLATED) !== 0) !== translated) return false;
  return !translated || (value.natAddress.w3 === packet.natAddress && value.natPort === packet.natPort);
}

function nothingRemembered(): Remembered {
  return { flags: 0, natAddress: 0, natPort: 0, backend: 0, egressAllowed: 0n, ingressAllowed: 0n };
}

export function ctCreate(walk: Walk, ends: Ends, remember: Partial<Remembered>): void {
  const { natAddress, natPort, ...rest } = { ...nothingRemembered(), ...remember };
  const { key, sourceIsLow } = ctKeyOf(ends, walk.protocol);
  const origin = sourceIsLow ? CtFlag.CT_ORIGIN_IS_LOW : 0;
  const flags = flagsAfter(walk, rest.flags, false) | origin;
  const translated = (flags & (CtFlag.CT_SERVICE | CtFlag.CT_TRANSLATED)) !== 0;
  walk.node.maps.conntrack.set(key, {
    ...rest,
    flags,
    expires: walk.now + lifetime(walk, flags),
    reported: walk.now,
    natAddress: translated ? ipv4(natAddress) : NO_ADDRESS,
    natPort: translated ? natPort : 0,
    tcpFlagsOrigin: walk.tcpFlags & TELLING,
    tcpFlagsReply: 0,
  });
  walk.report = true;
}

const NO_ADDRESS = new Address(0, 0, 0, 0);

function flagsAfter(walk: Walk, flags: number, reply: boolean): number {
  let after = reply ? flags | CtFlag.CT_SEEN_REPLY : flags;
  if (walk.protocol !== IpProtocol.TCP) return after;
  if ((walk.tcpFlags & TcpFlag.RST) !== 0) after |= CLOSING;
  else if ((walk.tcpFlags & TcpFlag.FIN) !== 0) {
    after |= reply ? CtFlag.CT_CLOSING_REPLY : CtFlag.CT_CLOSING_ORIGIN;
  }
  return after;
}

/** How long an entry stays without a packet, in nanoseconds. */
function lifetime(walk: Walk, flags: number): bigint {
  return BigInt(lifetimeSeconds(walk, flags)) * SECOND;
}

function lifetimeSeconds({ protocol, tcpFlags }: Walk, flags: number): number {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (protocol !== IpProtocol.TCP) return CtLifetime.CT_LIFETIME_OTHER;
  if ((flags & CLOSING) === CLOSING) return CtLifetime.CT_LIFETIME_TCP_CLOSING;
  // A service's entry sees one side only; it lets a connection end in peace.
  if (has(CtFlag.CT_SERVICE) && has(CtFlag.CT_CLOSING_ORIGIN)) return CtLifetime.CT_LIFETIME_TCP_SYN;
  const answered = has(CtFlag.CT_SEEN_REPLY | CtFlag.CT_SERVICE);
  if (!answered && (tcpFlags & TcpFlag.SYN) !== 0) return CtLifetime.CT_LIFETIME_TCP_SYN;
  return CtLifetime.CT_LIFETIME_TCP;
}
