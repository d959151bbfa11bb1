/** As much of BGP as a bench needs: independent of the codec that it measures. */
import { connect, type Socket } from "node:net";
import { type Prefix, prefixAt } from "../prefixes.ts";

const HEADER = 19;
const MAXIMUM = 4096;
const OPEN = 1;
const UPDATE = 2;
const NOTIFICATION = 3;
const KEEPALIVE = 4;
const HOLD = 240;

export interface SessionOptions {
  readonly local: string;
  readonly remote: string;
  readonly asn: number;
  /** Seconds. @defaultValue 240 */
  readonly hold?: number;
  readonly onUpdate?: (body: Uint8Array, at: bigint) => void;
}

/** Calls a router, and speaks until both are established. */
export function openSession(options: SessionOptions): Promise<Socket> {
  const { local, remote, asn, hold = HOLD, onUpdate } = options;
  const socket = connect({ host: remote, port: 179, localAddress: local, noDelay: true });
  return new Promise((resolve, reject) => {
    socket.once("connect", () => socket.write(openMessage(asn, local, hold)));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`${remote} closed the session of ${local}`)));
    socket.on(
      "data",
      framer((type, body, at) => {
        if (type === OPEN) socket.write(message(KEEPALIVE, []));
        else if (type === KEEPALIVE) resolve(socket);
        else if (type === UPDATE) onUpdate?.(body, at);
        else if (type === NOTIFICATION) socket.destroy(new Error(`${remote} says ${body[0]}/${body[1]}`));
      }),
    );
    const beat = setInterval(() => socket.write(message(KEEPALIVE, [])), (hold * 1000) / 3);
    socket.once("close", () => clearInterval(beat));
  });
}

/** Cuts a stream into messages. A chunk that is used up is let go, whatever its size. */
function framer(take: (type: number, body: Uint8Array, at: bigint) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const at = process.hrtime.bigint();
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    while (bytes.length - start >= HEADER) {
      const end = start + bytes.readUInt16BE(start + 16);
      if (end > bytes.length) break;
      take(bytes[start + 18]!, bytes.subarray(start + HEADER, end), at);
      start = end;
    }
    rest = Buffer.from(bytes.subarray(start));
  };
}

function message(type: number, body: readonly number[]): Buffer {
  const length = HEADER + body.length;
  return Buffer.from([...Array<number>(16).fill(255), length >> 8, length & 255, type, ...body]);
}

function openMessage(asn: number, routerId: string, hold: number): Buffer {
  const capabilities = [
    [1, 4, 0, 1, 0, 1],
    [2, 0],
    [65, 4, ...four(asn)],
  ].flat();
  const parameters = [2, capabilities.length, ...capabilities];
  const id = routerId.split(".").map(Number);
  return message(OPEN, [4, ...two(asn), ...two(hold), ...id, parameters.length, ...parameters]);
}

/** ORIGIN, a path of three, next hop, MED and two communities, of which the set's number makes a set of its own. */
function attributes(asn: number, nextHop: string, set: number): number[] {
  return [
    ...[0x40, 1, 1, 0],
    ...[0x40, 2, 14, 2, 3, ...four(asn), ...four(64_000 + (set % 1000)), ...four(4_200_000_000 + set)],
    ...[0x40, 3, 4, ...nextHop.split(".").map(Number)],
    ...[0x80, 4, 4, ...four(set)],
    ...[0xc0, 8, 8, ...two(asn), ...two(1), ...two(asn), ...two(set)],
  ];
}

/** The whole table as it is told: one attribute set after the other, each UPDATE as full as it may be. */
export function packTable(asn: number, nextHop: string, count: number, sets: number): Buffer {
  const messages: Buffer[] = [];
  for (let set = 0; set < sets; set++) {
    const path = attributes(asn, nextHop, set);
    const head = [0, 0, ...two(path.length), ...path];
    let nlri: number[] = [];
    for (let index = set; index < count; index += sets) {
      const encoded = encode(prefixAt(index));
      if (HEADER + head.length + nlri.length + encoded.length > MAXIMUM) {
        messages.push(message(UPDATE, [...head, ...nlri]));
        nlri = [];
      }
      nlri.push(...encoded);
    }
    if (nlri.length > 0) messages.push(message(UPDATE, [...head, ...nlri]));
  }
  return Buffer.concat(messages);
}

/** End-of-RIB (RFC 4724). */
export function endOfRib(): Buffer {
  return message(UPDATE, [0, 0, 0, 0]);
}

/** One prefix, with attributes of the first set. */
export function packOne(asn: number, nextHop: string, prefix: Prefix): Buffer {
  const path = attributes(asn, nextHop, 0);
  return message(UPDATE, [0, 0, ...two(path.length), ...path, ...encode(prefix)]);
}

/** Calls back for each announced prefix of an UPDATE's body. */
export function eachPrefix(body: Uint8Array, take: (address: number, length: number) => void): void {
  const withdrawn = (body[0]! << 8) | body[1]!;
  const path = (body[2 + withdrawn]! << 8) | body[3 + withdrawn]!;
  for (let at = 4 + withdrawn + path; at < body.length;) {
    const length = body[at]!;
    const bytes = (length + 7) >> 3;
    let address = 0;
    for (let byte = 0; byte < 4; byte++) address = address * 256 + (byte < bytes ? body[at + 1 + byte]! : 0);
    take(address, length);
    at += 1 + bytes;
  }
}

/** How many prefixes an UPDATE's body announces. */
export function countPrefixes(body: Uint8Array): number {
  let count = 0;
  const withdrawn = (body[0]! << 8) | body[1]!;
  const path = (body[2 + withdrawn]! << 8) | body[3 + withdrawn]!;
  for (let at = 4 + withdrawn + path; at < body.length; at += 1 + ((body[at]! + 7) >> 3)) count += 1;
  return count;
}

function encode({ address, length }: Prefix): number[] {
  const bytes = [length, address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255];
  return length === 24 ? bytes : [...bytes, address & 255];
}

function four(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** The lower half, of AS numbers too: who reads the larger one has it from the capability. */
function two(value: number): number[] {
  return [(value >>> 8) & 255, value & 255];
}
