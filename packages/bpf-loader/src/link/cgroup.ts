import { closeSync, openSync } from "node:fs";
import type { AttachType } from "../abi.ts";
import type { Program } from "../program/program.ts";
import type { SysOption } from "../sys/sys.ts";
import { createLink } from "./link.ts";
import type { Link } from "./link.ts";

export interface CgroupOptions extends SysOption {
  /** Directory of a cgroup of version 2, e.g. `/sys/fs/cgroup/kubepods.slice`. */
  readonly path: string;
  /** Only for sections that do not say it, such as `cgroup/skb`. @defaultValue that of the program's section */
  readonly attachType?: AttachType;
}

/**
 * Attaches a program to a cgroup and all below it (kernel 5.7). Programs of several links all run.
 *
 * @throws {@link BpfError} `ERR_SYSCALL`; `ERR_PERMISSION` (CAP_NET_ADMIN). TypeError if it is no cgroup program. A
 * missing directory is Node's own ENOENT.
 */
export function attachCgroup(program: Program, options: CgroupOptions): Link {
  const { sys = program.handle.sys, path } = options;
  const attachType = options.attachType ?? program.attachType;
  if (attachType?.startsWith("cgroup_") !== true) {
    throw new TypeError(`${program.name} is no cgroup program, or its section does not say of which kind`);
  }
  const target = openSync(path, "r");
  try {
    return createLink(sys, program, { target, attachType }, path);
  } finally {
    closeSync(target);
  }
}
