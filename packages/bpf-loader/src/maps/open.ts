import { Attr, bpf } from "../sys/bpf.ts";
import { Fd } from "../sys/fd.ts";
import { linuxSys } from "../sys/linux.ts";
import { Memory } from "../sys/memory.ts";
import type { Sys, SysOption } from "../sys/sys.ts";
import type { MapDef } from "./def.ts";
import { openRawView, openView } from "./view.ts";
import type { AnyMap, MapOf } from "./view.ts";

/** BPF_OBJ_GET. */
export function openPin(sys: Sys, path: string, what: string): Fd {
  const attr = new Attr(sys, 16).pointer(0, Memory.text(sys, path));
  return new Fd(sys, bpf("BPF_OBJ_GET", attr, path), what);
}

/**
 * Opens a pinned map. With a definition its type, sizes and fields are checked first.
 *
 * @throws {@link BpfError} `ERR_SYSCALL` (ENOENT if nothing is pinned there); `ERR_PIN_LAYOUT`.
 */
export function openPinnedMap(path: string, options?: SysOption): AnyMap;
export function openPinnedMap<D extends MapDef>(path: string, def: D, options?: SysOption): MapOf<D>;
export function openPinnedMap(path: string, second: MapDef | SysOption = {}, third: SysOption = {}): unknown {
  const [def, sys] = arrange(second, third);
  return view(openPin(sys, path, `map ${path}`), def, path);
}

/**
 * Opens a map by its id, e.g. one found in a map of maps. Needs CAP_SYS_ADMIN.
 *
 * @throws {@link BpfError} `ERR_SYSCALL` (ENOENT if there is no such map); `ERR_PERMISSION`; `ERR_PIN_LAYOUT`.
 */
export function openMapById(id: number, options?: SysOption): AnyMap;
export function openMapById<D extends MapDef>(id: number, def: D, options?: SysOption): MapOf<D>;
export function openMapById(id: number, second: MapDef | SysOption = {}, third: SysOption = {}): unknown {
  const [def, sys] = arrange(second, third);
  const what = `map ${id}`;
  return view(new Fd(sys, bpf("BPF_MAP_GET_FD_BY_ID", new Attr(sys, 16).u32(0, id), what), what), def);
}

function arrange(second: MapDef | SysOption, third: SysOption): [MapDef | undefined, Sys] {
  if ("key" in second) return [second, third.sys ?? linuxSys()];
  return [undefined, second.sys ?? linuxSys()];
}

function view(fd: Fd, def: MapDef | undefined, path?: string): unknown {
  try {
    return def === undefined ? openRawView(fd) : openView(fd, def, path);
  } catch (error) {
    fd.close();
    throw error;
  }
}
