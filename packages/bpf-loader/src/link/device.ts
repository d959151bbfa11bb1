import { BpfError, ERRNO } from "../errors.ts";
import type { Sys } from "../sys/sys.ts";

/** A network namespace: runs a synchronous function inside. `@netloom/netlink` has one. */
export interface NetworkNamespace {
  run<R>(fn: () => R): R;
}

export interface DeviceOptions {
  /** Name or index of the interface, in `netns`. */
  readonly dev: string | number;
  /** @defaultValue the namespace of the calling thread */
  readonly netns?: NetworkNamespace;
}

/** Runs `fn` with the index of the interface, inside its namespace. */
export function withDevice<R>(sys: Sys, { dev, netns }: DeviceOptions, fn: (ifindex: number) => R): R {
  const inside = (): R => fn(typeof dev === "number" ? dev : indexOf(sys, dev));
  return netns === undefined ? inside() : netns.run(inside);
}

function indexOf(sys: Sys, name: string): number {
  const index = sys.interfaceIndex(name);
  if (index > 0) return index;
  throw new BpfError("ERR_SYSCALL", `there is no interface ${name} in this network namespace`, {
    op: "if_nametoindex",
    errno: ERRNO.ENODEV,
    object: name,
  });
}
