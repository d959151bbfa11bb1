import type { Codec } from "@netloom/bpf-loader";

/** 16 bytes. */
export interface FlowKey {
  readonly saddr: number;
  readonly daddr: number;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
}

/** 24 bytes. */
export interface FlowValue {
  packets: bigint;
  bytes: bigint;
  lifetime: number;
  flags: number;
}

/** As bpf2ts writes them: straight-line. */
export const flowKey: Codec<FlowKey> = {
  size: 16,
  encode(value, view, offset) {
    view.setUint32(offset, value.saddr, false);
    view.setUint32(offset + 4, value.daddr, false);
    view.setUint16(offset + 8, value.sport, false);
    view.setUint16(offset + 10, value.dport, false);
    view.setUint32(offset + 12, value.protocol, true);
  },
  decode: (view, offset) => ({
    saddr: view.getUint32(offset, false),
    daddr: view.getUint32(offset + 4, false),
    sport: view.getUint16(offset + 8, false),
    dport: view.getUint16(offset + 10, false),
    protocol: view.getUint32(offset + 12, true),
  }),
};

export const flowValue: Codec<FlowValue> = {
  size: 24,
  encode(value, view, offset) {
    view.setBigUint64(offset, value.packets, true);
    view.setBigUint64(offset + 8, value.bytes, true);
    view.setUint32(offset + 16, value.lifetime, true);
    view.setUint32(offset + 20, value.flags, true);
  },
  decode: (view, offset) => ({
    packets: view.getBigUint64(offset, true),
    bytes: view.getBigUint64(offset + 8, true),
    lifetime: view.getUint32(offset + 16, true),
    flags: view.getUint32(offset + 20, true),
  }),
};
