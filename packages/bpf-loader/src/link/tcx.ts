import { ATTACH_TYPES, LINK_FLAG } from "../abi.ts";
import { BpfError, ERRNO, isBpfError } from "../errors.ts";
import { Program } from "../program/program.ts";
import { Attr, syscallError, tryBpf } from "../sys/bpf.ts";
import { linuxSys } from "../sys/linux.ts";
import { Memory } from "../sys/memory.ts";
import type { Sys, SysOption } from "../sys/sys.ts";
import { withDevice } from "./device.ts";
import type { DeviceOptions } from "./device.ts";
import { Link, createLink } from "./link.ts";

export type Direction = "ingress" | "egress";

/** Where among the programs of a hook. */
export type Anchor =
  | { readonly first: true }
  | { readonly last: true }
  | { readonly before: Program | Link }
  | { readonly after: Program | Link };

export interface TcxOptions extends DeviceOptions, SysOption {
  /** `ingress`: frames that arrive at the interface; `egress`: those it sends. */
  readonly direction: Direction;
  /** @defaultValue `{ last: true }` */
  readonly at?: Anchor;
  /** Fails with ESTALE if the order has changed since {@link queryTcx} reported this revision. */
  readonly revision?: bigint;
}

/**
 * Attaches a tc program to an interface through tcx (kernel 6.6). Several programs may share a hook; each returns
 * `TCX_NEXT` (-1) to pass the frame on.
 *
 * @throws {@link BpfError} `ERR_UNSUPPORTED` before kernel 6.6; `ERR_SYSCALL` (ENODEV, ESTALE); `ERR_PERMISSION`
 * (CAP_NET_ADMIN). TypeError if it is no tc program.
 */
export function attachTcx(program: Program, options: TcxOptions): Link {
  const { sys = program.handle.sys, direction, at = { last: true } } = options;
  if (program.type !== "sched_cls")
    throw new TypeError(`${program.name} is a ${program.type} program, tcx takes tc`);
  const { flags, relative } = anchorOf(at);
  return withDevice(sys, options, (target) => {
    try {
      const place = { target, attachType: `tcx_${direction}`, flags, relative } as const;
      const revision = options.revision === undefined ? {} : { revision: options.revision };
      return createLink(sys, program, { ...place, ...revision }, `${options.dev} ${direction}`);
    } catch (error) {
      throw isBpfError(error, "ERR_SYSCALL") ? explain(sys, error, target, direction) : error;
    }
  });
}

function anchorOf(at: Anchor): { flags: number; relative: number } {
  if ("first" in at) return { flags: LINK_FLAG.BEFORE, relative: 0 };
  if ("last" in at) return { flags: LINK_FLAG.AFTER, relative: 0 };
  const [flag, other] = "before" in at ? [LINK_FLAG.BEFORE, at.before] : [LINK_FLAG.AFTER, at.after];
  return { flags: flag | (other instanceof Link ? LINK_FLAG.LINK : 0), relative: other.fd };
}

/** A kernel without tcx answers EINVAL to everything, querying included. */
function explain(sys: Sys, error: BpfError, ifindex: number, direction: Direction): BpfError {
  if (error.errno !== ERRNO.EINVAL || query(sys, ifindex, direction, 0).errno !== ERRNO.EINVAL) return error;
  return new BpfError("ERR_UNSUPPORTED", "this kernel has no tcx", {
    feature: "tcx",
    minimum: "6.6",
    errno: ERRNO.EINVAL,
    op: "BPF_LINK_CREATE",
    cause: error,
  });
}

export interface TcxQuery {
  /** Grows with every change of the hook. */
  readonly revision: bigint;
  /** In the order they run. `linkId` is 0 for a program attached without a link. */
  readonly programs: readonly { readonly programId: number; readonly linkId: number }[];
}

/**
 * The programs on a tcx hook.
 *
 * @throws {@link BpfError} `ERR_SYSCALL` (ENODEV); `ERR_UNSUPPORTED` before kernel 6.6.
 */
export function queryTcx(
  dev: string | number,
  direction: Direction,
  options: Omit<DeviceOptions, "dev"> & SysOption = {},
): TcxQuery {
  const { sys = linuxSys() } = options;
  return withDevice(sys, { ...options, dev }, (ifindex) => {
    for (let room = 16; ; room *= 2) {
      const { errno, attr, programs, links } = query(sys, ifindex, direction, room);
      const count = attr.getU32(24);
      if (errno === ERRNO.ENOSPC && room < 1024) continue;
      if (errno > 0) throw queryError(errno, dev);
      return {
        revision: attr.getU64(56),
        programs: Array.from({ length: Math.min(count, room) }, (_, index) => ({
          programId: programs.view.getUint32(index * 4, true),
          linkId: links.view.getUint32(index * 4, true),
        })),
      };
    }
  });
}

function queryError(errno: number, dev: string | number): BpfError {
  const error = syscallError("BPF_PROG_QUERY", errno, { object: `interface ${dev}` });
  if (errno !== ERRNO.EINVAL) return error;
  return new BpfError("ERR_UNSUPPORTED", "this kernel has no tcx", {
    feature: "tcx",
    minimum: "6.6",
    cause: error,
  });
}

function query(
  sys: Sys,
  ifindex: number,
  direction: Direction,
  room: number,
): { errno: number; attr: Attr; programs: Memory; links: Memory } {
  const programs = new Memory(sys, room * 4);
  const links = new Memory(sys, room * 4);
  const attr = new Attr(sys, 64)
    .u32(0, ifindex)
    .u32(4, ATTACH_TYPES[`tcx_${direction}`])
    .pointer(16, room === 0 ? undefined : programs)
    .u32(24, room)
    .pointer(40, room === 0 ? undefined : links);
  return { errno: Math.max(0, -tryBpf("BPF_PROG_QUERY", attr)), attr, programs, links };
}
