/** Bytes of every frame: 14 Ethernet, 20 IPv4, 20 TCP, 10 of payload, as `replay.bpf.c` restores them. */
export const FRAME_BYTES = 64;

export interface TcpFrame {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly flags: number;
}

export const TCP = { SYN: 0x02, ACK: 0x10 } as const;

/** A TCP packet with right checksums. The MAC addresses do not matter: the datapath writes its own. */
export function tcpFrame({ source, destination, sourcePort, destinationPort, flags }: TcpFrame): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  bytes.set([0x45, 0, 0, FRAME_BYTES - 14, 0, 1, 0x40, 0, 64, 6], 14);
  bytes.set(octets(source), 26);
  bytes.set(octets(destination), 30);
  view.setUint16(34, sourcePort);
  view.setUint16(36, destinationPort);
  view.setUint32(38, 1);
  view.setUint32(42, 1);
  bytes.set([0x50, flags, 0xff, 0xff], 46);
  view.setUint16(24, checksum(view, 14, 34, 0));
  const length = FRAME_BYTES - 34;
  // RFC 9293 section 3.1: the pseudo header is the addresses, the protocol and the length.
  view.setUint16(50, checksum(view, 26, FRAME_BYTES, 6 + length));
  return bytes;
}

export function octets(address: string): number[] {
  return address.split(".").map(Number);
}

export interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Who speaks to whom in a frame. */
export function endsOf(frame: Uint8Array): Ends {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const address = (at: number): string => frame.subarray(at, at + 4).join(".");
  return {
    source: address(26),
    destination: address(30),
    sourcePort: view.getUint16(34),
    destinationPort: view.getUint16(36),
  };
}

/** RFC 1071. */
function checksum(view: DataView, from: number, to: number, start: number): number {
  let sum = start;
  for (let at = from; at < to; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
