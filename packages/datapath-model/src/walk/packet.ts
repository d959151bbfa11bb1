/** What a tunnel device tells of a packet that came through it, or is told of one to be sent. */
export interface TunnelKey {
  /** The VNI: the identity of the packet's source. */
  readonly id: number;
  /** The node at the other end. */
  readonly remote: number;
}

export const ETHERNET_HEADER = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;

/** A frame on its way, with what travels beside its bytes: the kernel's `struct __sk_buff`. */
export class Packet {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The device whose program sees it. */
  ifindex: number;
  mark = 0;
  tunnel: TunnelKey | undefined;

  /** The bytes are changed in place. */
  constructor(bytes: Uint8Array, ifindex: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.ifindex = ifindex;
  }

  get length(): number {
    return this.bytes.length;
  }

  get etherType(): number {
    return this.view.getUint16(12);
  }

  /** Are there so many bytes? */
  reaches(end: number): boolean {
    return end <= this.bytes.length;
  }
}
