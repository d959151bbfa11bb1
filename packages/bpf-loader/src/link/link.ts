import { ATTACH_TYPES } from "../abi.ts";
import type { AttachType } from "../abi.ts";
import { pinFd, unpin } from "../maps/handle.ts";
import { objectInfo } from "../maps/info.ts";
import { openPin } from "../maps/open.ts";
import type { Keep, Program } from "../program/program.ts";
import { Attr, bpf } from "../sys/bpf.ts";
import { Fd } from "../sys/fd.ts";
import { linuxSys } from "../sys/linux.ts";
import { Memory } from "../sys/memory.ts";
import type { Sys, SysOption } from "../sys/sys.ts";

/** What the kernel says about a link (`struct bpf_link_info`). */
export interface LinkInfo {
  readonly id: number;
  /** 0 once detached. */
  readonly programId: number;
  readonly kind: "tcx" | "xdp" | "cgroup" | "other";
  /** Of a tcx or XDP link: 0 once the interface is gone. */
  readonly ifindex?: number;
  readonly cgroupId?: bigint;
  readonly attachType?: AttachType;
}

/** `enum bpf_link_type`. */
const LINK_TYPES: Readonly<Record<number, LinkInfo["kind"]>> = { 3: "cgroup", 6: "xdp", 11: "tcx" };
const LINK_INFO_SIZE = 64;

const ATTACH_NAMES: ReadonlyMap<number, AttachType> = new Map(
  Object.entries(ATTACH_TYPES).map(([name, value]) => [value, name as AttachType]),
);

/**
 * A program attached to a hook. The attachment ends when the last descriptor and pin of the link are gone, so an
 * unpinned one ends with the process.
 */
export class Link implements Disposable {
  /** @internal */
  readonly handle: Fd;
  /** @internal What its program needs, kept from being collected. */
  keep: Keep | undefined;

  /** @internal */
  constructor(handle: Fd, keep?: Keep) {
    this.handle = handle;
    this.keep = keep;
  }

  /** The file descriptor. @throws {@link BpfError} `ERR_CLOSED`. */
  get fd(): number {
    return this.handle.number;
  }

  get id(): number {
    return this.info().id;
  }

  get closed(): boolean {
    return this.handle.closed;
  }

  info(): LinkInfo {
    const memory = new Memory(this.handle.sys, LINK_INFO_SIZE);
    objectInfo(this.handle, memory, LINK_INFO_SIZE);
    const u32 = (offset: number): number => memory.view.getUint32(offset, true);
    const kind = LINK_TYPES[u32(0)] ?? "other";
    const base = { id: u32(4), programId: u32(8), kind };
    const attach = (offset: number): { attachType?: AttachType } => {
      const attachType = ATTACH_NAMES.get(u32(offset));
      return attachType === undefined ? {} : { attachType };
    };
    if (kind === "cgroup") return { ...base, cgroupId: memory.view.getBigUint64(16, true), ...attach(24) };
    if (kind === "tcx") return { ...base, ifindex: u32(16), ...attach(20) };
    return kind === "xdp" ? { ...base, ifindex: u32(16), attachType: "xdp" } : base;
  }

  /**
   * Puts another program in its place, atomically: each packet sees one or the other.
   *
   * @throws {@link BpfError} `ERR_SYSCALL`, with EPERM if `expect` is not the program there now.
   */
  update(program: Program, options: { readonly expect?: Program } = {}): void {
    const attr = new Attr(this.handle.sys, 16).u32(0, this.fd).u32(4, program.fd);
    if (options.expect !== undefined) attr.u32(8, 1 << 2).u32(12, options.expect.fd);
    bpf("BPF_LINK_UPDATE", attr, this.handle.what);
    this.keep = program.keep;
  }

  /** Pins the link at a path on a bpf file system, so that the attachment outlives the process. */
  pin(path: string): void {
    pinFd(this.handle, path);
  }

  /** Removes a pin. A path where nothing is pinned is not an error. */
  unpin(path: string): void {
    unpin(path);
  }

  /** Takes the program off its hook although pins and other descriptors remain. */
  detach(): void {
    bpf("BPF_LINK_DETACH", new Attr(this.handle.sys, 4).u32(0, this.fd), this.handle.what);
  }

  /** Closes the descriptor: an unpinned link is detached by it. */
  close(): void {
    this.handle.close();
    this.keep = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Opens a pinned link. @throws {@link BpfError} `ERR_SYSCALL` (ENOENT if nothing is pinned there). */
export function openPinnedLink(path: string, options: SysOption = {}): Link {
  return new Link(openPin(options.sys ?? linuxSys(), path, `link ${path}`));
}

const LINK_CREATE_ATTR_SIZE = 32;

export interface LinkTarget {
  /** Descriptor of a cgroup, or index of an interface. */
  readonly target: number;
  readonly attachType: AttachType;
  readonly flags?: number;
  /** tcx: the program or link to be next to, and the revision the order must still have. */
  readonly relative?: number;
  readonly revision?: bigint;
}

/** BPF_LINK_CREATE. */
export function createLink(sys: Sys, program: Program, target: LinkTarget, where: string): Link {
  const attr = new Attr(sys, LINK_CREATE_ATTR_SIZE)
    .u32(0, program.fd)
    .u32(4, target.target)
    .u32(8, ATTACH_TYPES[target.attachType])
    .u32(12, target.flags ?? 0)
    .u32(16, target.relative ?? 0)
    .u64(24, target.revision ?? 0n);
  const what = `link of ${program.name} to ${where}`;
  return new Link(new Fd(sys, bpf("BPF_LINK_CREATE", attr, what), what), program.keep);
}
