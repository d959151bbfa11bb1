import type { Program } from "../program/program.ts";
import type { SysOption } from "../sys/sys.ts";
import { withDevice } from "./device.ts";
import type { DeviceOptions } from "./device.ts";
import { createLink } from "./link.ts";
import type { Link } from "./link.ts";

export interface XdpOptions extends DeviceOptions, SysOption {
  /**
   * `native` runs in the driver, `generic` after it on any interface; `auto` lets the kernel choose.
   *
   * @defaultValue "auto"
   */
  readonly mode?: "native" | "generic" | "auto";
}

/** `XDP_FLAGS_*` of `linux/if_link.h`. */
const XDP_MODE = { auto: 0, generic: 1 << 1, native: 1 << 2 } as const;

/**
 * Attaches an XDP program to an interface, which holds one at a time (kernel 5.9).
 *
 * @throws {@link BpfError} `ERR_SYSCALL` (EBUSY if there is one, ENODEV, EOPNOTSUPP if the driver lacks it);
 * `ERR_PERMISSION` (CAP_NET_ADMIN). TypeError if it is no XDP program.
 */
export function attachXdp(program: Program, options: XdpOptions): Link {
  const { sys = program.handle.sys, mode = "auto" } = options;
  if (program.type !== "xdp") throw new TypeError(`${program.name} is a ${program.type} program, not XDP`);
  return withDevice(sys, options, (target) =>
    createLink(sys, program, { target, attachType: "xdp", flags: XDP_MODE[mode] }, `${options.dev}`),
  );
}
