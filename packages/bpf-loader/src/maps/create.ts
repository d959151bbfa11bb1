import { MAP_TYPES } from "../abi.ts";
import type { MapSpec } from "../spec/types.ts";
import { Attr, bpf } from "../sys/bpf.ts";
import { Fd } from "../sys/fd.ts";
import { linuxSys } from "../sys/linux.ts";
import type { Sys, SysOption } from "../sys/sys.ts";
import type { MapDef } from "./def.ts";
import { openRawView, openView } from "./view.ts";
import type { AnyMap, MapOf } from "./view.ts";

const MAP_CREATE_ATTR_SIZE = 72;

/** Kinds whose BPF_MAP_CREATE takes no types for key and value: they hold descriptors or have their own format. */
const WITHOUT_BTF: ReadonlySet<number> = new Set([3, 4, 7, 8, 12, 13, 14, 15, 16, 17, 18, 27, 31]);

/** Creates the kernel's map. `btfFd` is what the spec's type ids refer to. */
export function createMapFd(sys: Sys, spec: MapSpec, btfFd?: number): Fd {
  const what = `map ${spec.name}`;
  const inner = spec.inner === undefined ? undefined : createMapFd(sys, spec.inner, btfFd);
  try {
    const attr = new Attr(sys, MAP_CREATE_ATTR_SIZE)
      .u32(0, MAP_TYPES[spec.type])
      .u32(4, spec.keySize)
      .u32(8, spec.valueSize)
      .u32(12, spec.type === "ringbuf" ? ringSize(spec.maxEntries, sys.pageSize) : spec.maxEntries)
      .u32(16, spec.flags ?? 0)
      .u32(20, inner?.number ?? 0)
      .u32(24, spec.numaNode ?? 0)
      .name(28, spec.name)
      .u64(64, spec.extra ?? 0n);
    if (
      btfFd !== undefined &&
      !WITHOUT_BTF.has(MAP_TYPES[spec.type]) &&
      spec.valueType &&
      spec.keyType !== undefined
    ) {
      attr.u32(48, btfFd).u32(52, spec.keyType).u32(56, spec.valueType);
    }
    return new Fd(sys, bpf("BPF_MAP_CREATE", attr, what), what);
  } finally {
    inner?.close();
  }
}

/** The kernel wants a power of two of at least a page. */
function ringSize(bytes: number, pageSize: number): number {
  let size = pageSize;
  while (size < bytes) size *= 2;
  return size;
}

/**
 * Creates a map that belongs to no object: for the slots of a map of maps, for tests, for sharing between programs
 * through {@link LoadOptions.reuse}.
 *
 * @throws {@link BpfError} `ERR_SYSCALL`, `ERR_PERMISSION` (CAP_BPF).
 */
export function createMap(spec: MapSpec, options?: SysOption): AnyMap;
export function createMap<D extends MapDef>(spec: MapSpec, def: D, options?: SysOption): MapOf<D>;
export function createMap(
  spec: MapSpec,
  second: MapDef | SysOption = {},
  third: SysOption = {},
): MapOf<MapDef> | AnyMap {
  const def = "key" in second ? second : undefined;
  const { sys = linuxSys() } = def === undefined ? (second as SysOption) : third;
  // Type ids belong to an object's BTF, which is not at hand here.
  const fd = createMapFd(sys, spec);
  try {
    return def === undefined ? openRawView(fd) : openView(fd, def);
  } catch (error) {
    fd.close();
    throw error;
  }
}
