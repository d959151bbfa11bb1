import type { ProgramType } from "../abi.ts";

/** What a test run can set and read of `struct __sk_buff`. Other fields follow from the packet. */
export interface SkbContext {
  readonly mark: number;
  readonly priority: number;
  /** Must name an interface of the network namespace the run happens in, or be 0. */
  readonly ifindex: number;
  readonly ingressIfindex: number;
  /** Five words. */
  readonly cb: readonly number[];
  readonly tstamp: bigint;
  readonly gsoSegs: number;
  readonly gsoSize: number;
}

/** `struct xdp_md`. */
export interface XdpContext {
  readonly ingressIfindex: number;
  readonly rxQueueIndex: number;
}

/** The context of other kinds of programs: its bytes. */
export type RunContext = SkbContext | XdpContext | Uint8Array;

/** Offsets of `include/uapi/linux/bpf.h`. */
const SKB_SIZE = 192;
const SKB_U32 = {
  mark: 8,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  gsoSegs: 164,
  gsoSize: 176,
} as const;
const SKB_CB = 48;
const SKB_TSTAMP = 152;
const XDP_SIZE = 24;
const XDP_DATA_END = 4;
const XDP_U32 = { ingressIfindex: 12, rxQueueIndex: 16 } as const;

/** Bytes of the context for a program type; undefined if it takes plain bytes. */
export function contextSize(type: ProgramType): number | undefined {
  if (type === "sched_cls" || type === "sched_act" || type === "cgroup_skb" || type.startsWith("lwt_"))
    return SKB_SIZE;
  if (type === "socket_filter") return SKB_SIZE;
  return type === "xdp" ? XDP_SIZE : undefined;
}

export function encodeContext(type: ProgramType, view: DataView, context: object, packetSize: number): void {
  const fields = context as Readonly<Record<string, unknown>>;
  const put = (offsets: Readonly<Record<string, number>>): void => {
    for (const [name, offset] of Object.entries(offsets)) {
      const value = fields[name];
      if (value !== undefined) view.setUint32(offset, Number(value), true);
    }
  };
  if (type === "xdp") {
    put(XDP_U32);
    view.setUint32(XDP_DATA_END, packetSize, true);
    return;
  }
  put(SKB_U32);
  const { cb, tstamp } = context as Partial<SkbContext>;
  for (const [index, word] of (cb ?? []).entries()) {
    if (index > 4) throw new RangeError("cb holds five words");
    view.setUint32(SKB_CB + index * 4, word, true);
  }
  if (tstamp !== undefined) view.setBigUint64(SKB_TSTAMP, tstamp, true);
}

export function decodeContext(type: ProgramType, view: DataView): SkbContext | XdpContext {
  const u32 = (offset: number): number => view.getUint32(offset, true);
  if (type === "xdp") {
    return { ingressIfindex: u32(XDP_U32.ingressIfindex), rxQueueIndex: u32(XDP_U32.rxQueueIndex) };
  }
  return {
    mark: u32(SKB_U32.mark),
    priority: u32(SKB_U32.priority),
    ifindex: u32(SKB_U32.ifindex),
    ingressIfindex: u32(SKB_U32.ingressIfindex),
    cb: Array.from({ length: 5 }, (_, index) => u32(SKB_CB + index * 4)),
    tstamp: view.getBigUint64(SKB_TSTAMP, true),
    gsoSegs: u32(SKB_U32.gsoSegs),
    gsoSize: u32(SKB_U32.gsoSize),
  };
}
