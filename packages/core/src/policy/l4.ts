import type { PolicyProtocol } from "./types.ts";

/** IANA protocol numbers. `0` stands for any. */
export const PROTOCOL_NUMBERS = { ANY: 0, ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132 } as const;

/**
 * An aligned block of ports of one protocol: those whose leading `bits` are those of `port`. `bits` 16 is one port,
 * 0 all of the protocol's. Protocol 0 is every port of every protocol. For ICMP the port is the type.
 *
 * Two blocks are either nested or apart, so they form a tree.
 */
export interface L4Block {
  readonly protocol: number;
  readonly port: number;
  readonly bits: number;
}

export const ALL_L4: L4Block = { protocol: 0, port: 0, bits: 0 };

/** Does `outer` hold all of `inner`? Every block covers itself. */
export function covers(outer: L4Block, inner: L4Block): boolean {
  if (outer.protocol === 0) return true;
  return (
    outer.protocol === inner.protocol &&
    outer.bits <= inner.bits &&
    (inner.port & mask(outer.bits)) === outer.port
  );
}

/** A number that tells blocks apart: 8 bits of protocol, 5 of length, 16 of port. */
export function blockKey(block: L4Block): number {
  return (block.protocol << 21) | (block.bits << 16) | block.port;
}

export function mask(bits: number): number {
  return (0xffff0000 >>> bits) & 0xffff;
}

/** Is there none among them that holds another one? */
export function areApart(blocks: readonly L4Block[]): boolean {
  const keys = new Set(blocks.map(blockKey));
  for (const { protocol, port, bits } of blocks) {
    if (protocol === 0) {
      if (keys.size > 1) return false;
      continue;
    }
    for (let fewer = bits - 1; fewer >= 0; fewer--) {
      if (keys.has(blockKey({ protocol, port: port & mask(fewer), bits: fewer }))) return false;
    }
  }
  return true;
}

/** The fewest blocks for what a rule names. `first` without `last` is one port. */
export function blocksOf(ports: {
  readonly protocol: PolicyProtocol;
  readonly first?: number | undefined;
  readonly last?: number | undefined;
}): readonly L4Block[] {
  if (ports.first === undefined) return [{ ...ALL_L4, protocol: PROTOCOL_NUMBERS[ports.protocol] }];
  const { first } = ports;
  const last = ports.last ?? first;
  const protocols = ports.protocol === "ANY" ? (["TCP", "UDP", "SCTP"] as const) : [ports.protocol];
  return protocols.flatMap((protocol) => rangeBlocks(PROTOCOL_NUMBERS[protocol], first, last));
}

/** A range as aligned powers of two, at most 30 of them. */
function rangeBlocks(protocol: number, first: number, last: number): L4Block[] {
  const blocks: L4Block[] = [];
  let port = first;
  while (port <= last) {
    let size = port === 0 ? 65_536 : port & -port;
    while (port + size - 1 > last) size /= 2;
    blocks.push({ protocol, port, bits: 16 - Math.log2(size) });
    port += size;
  }
  return blocks;
}
