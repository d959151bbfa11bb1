import { mapTypeName } from "../abi.ts";
import type { MapType } from "../abi.ts";
import { parseBtf } from "../btf/parse.ts";
import type { Btf } from "../btf/btf.ts";
import { BpfError } from "../errors.ts";
import { Attr, bpf } from "../sys/bpf.ts";
import type { Fd } from "../sys/fd.ts";
import { Memory, textOf } from "../sys/memory.ts";
import type { Sys } from "../sys/sys.ts";

/** What the kernel says about a map (`struct bpf_map_info`). Sizes in bytes. */
export interface MapInfo {
  readonly type: MapType;
  readonly id: number;
  /** At most 15 characters. */
  readonly name: string;
  readonly keySize: number;
  /** Of one CPU, for a per-CPU map. */
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly extra: bigint;
  /** Id of the BTF that describes it, 0 if there is none. */
  readonly btfId: number;
  readonly keyType: number;
  readonly valueType: number;
}

const MAP_INFO_SIZE = 88;

/** BPF_OBJ_GET_INFO_BY_FD into `info`. */
export function objectInfo(fd: Fd, info: Memory, size: number): void {
  const attr = new Attr(fd.sys, 16).u32(0, fd.number).u32(4, size).pointer(8, info);
  bpf("BPF_OBJ_GET_INFO_BY_FD", attr, fd.what);
}

/** @throws {@link BpfError} `ERR_SYSCALL`; `ERR_UNSUPPORTED` for a map type newer than this package. */
export function readMapInfo(fd: Fd): MapInfo {
  const memory = new Memory(fd.sys, MAP_INFO_SIZE);
  objectInfo(fd, memory, MAP_INFO_SIZE);
  const u32 = (offset: number): number => memory.view.getUint32(offset, true);
  const type = mapTypeName(u32(0));
  if (type === undefined) {
    throw new BpfError("ERR_UNSUPPORTED", `${fd.what} has type ${u32(0)}`, { feature: `map type ${u32(0)}` });
  }
  return {
    type,
    id: u32(4),
    keySize: u32(8),
    valueSize: u32(12),
    maxEntries: u32(16),
    flags: u32(20),
    name: textOf(memory.bytes.subarray(24, 40)),
    btfId: u32(64),
    keyType: u32(68),
    valueType: u32(72),
    extra: memory.view.getBigUint64(80, true),
  };
}

/** The BTF that a map was created with. */
export function readBtf(sys: Sys, id: number): Btf {
  const fd = bpf("BPF_BTF_GET_FD_BY_ID", new Attr(sys, 16).u32(0, id), `BTF ${id}`);
  try {
    const info = new Memory(sys, 32);
    const query = (): void => {
      const attr = new Attr(sys, 16).u32(0, fd).u32(4, 32).pointer(8, info);
      bpf("BPF_OBJ_GET_INFO_BY_FD", attr, `BTF ${id}`);
    };
    query();
    const bytes = new Memory(sys, info.view.getUint32(8, true));
    info.bytes.fill(0);
    info.view.setBigUint64(0, BigInt(bytes.address), true);
    info.view.setUint32(8, bytes.bytes.byteLength, true);
    query();
    return parseBtf(`BTF ${id}`, bytes.bytes);
  } finally {
    sys.close(fd);
  }
}
