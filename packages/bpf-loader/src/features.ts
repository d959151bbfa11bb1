import { ATTACH_TYPES, MAP_TYPES, OPCODE, PROGRAM_TYPES } from "./abi.ts";
import type { MapType, ProgramType } from "./abi.ts";
import { findKernelSymbol } from "./btf/kernel.ts";
import { BpfError, ERRNO } from "./errors.ts";
import { createMapFd } from "./maps/create.ts";
import { Attr, syscallError, tryBpf } from "./sys/bpf.ts";
import { linuxSys } from "./sys/linux.ts";
import { Memory } from "./sys/memory.ts";
import type { Sys } from "./sys/sys.ts";

/** What the kernel can be asked for, beside `map:<type>`, `program:<type>`, `kfunc:<name>` and `helper:<number>`. */
export type NamedFeature = "bpf" | "btf" | "core" | "ringbuf" | "batch" | "tcx" | "cgroup-link";

export type Feature =
  | NamedFeature
  | `map:${MapType}`
  | `program:${ProgramType}`
  | `kfunc:${string}`
  | `helper:${number}`;

interface Probe {
  /** First kernel that has it. */
  readonly minimum: string;
  readonly has: (sys: Sys) => boolean;
}

const NAMED: Readonly<Record<NamedFeature, Probe>> = {
  bpf: { minimum: "5.8", has: (sys) => hasMap(sys, "array") },
  btf: { minimum: "4.18", has: () => findKernelSymbol("func", "bpf_prog_load") !== undefined },
  core: { minimum: "5.17", has: hasCore },
  ringbuf: { minimum: "5.8", has: (sys) => hasMap(sys, "ringbuf") },
  batch: { minimum: "5.6", has: hasBatch },
  tcx: { minimum: "6.6", has: (sys) => hasLink(sys, "sched_cls", "tcx_ingress") },
  "cgroup-link": { minimum: "5.7", has: (sys) => hasLink(sys, "cgroup_skb", "cgroup_inet_ingress") },
};

const MAP_MINIMUM: Partial<Record<MapType, string>> = {
  ringbuf: "5.8",
  lpm_trie: "4.11",
  array_of_maps: "4.12",
  hash_of_maps: "4.12",
  bloom_filter: "5.16",
  user_ringbuf: "6.1",
  cgrp_storage: "6.2",
  arena: "6.9",
};

const PROGRAM_MINIMUM: Partial<Record<ProgramType, string>> = {
  syscall: "5.14",
  sk_lookup: "5.9",
  netfilter: "6.4",
};

/** Answers about the running kernel, by trying (not by its version) and only once. */
export class Features {
  readonly #sys: Sys;
  readonly #known = new Map<Feature, boolean>();

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /**
   * @throws {@link BpfError} `ERR_PERMISSION` if the process may not even try; TypeError for an unknown name.
   */
  has(feature: Feature): boolean {
    let known = this.#known.get(feature);
    if (known === undefined) this.#known.set(feature, (known = this.#probe(feature)));
    return known;
  }

  /** The first kernel version with a feature, where it is known. */
  minimum(feature: Feature): string | undefined {
    if (isNamed(feature)) return NAMED[feature].minimum;
    const [kind, name] = split(feature);
    if (kind === "map") return MAP_MINIMUM[name as MapType];
    return kind === "program" ? PROGRAM_MINIMUM[name as ProgramType] : undefined;
  }

  /** @throws {@link BpfError} `ERR_UNSUPPORTED` naming the feature and the kernel that brought it. */
  require(feature: Feature, object?: string): void {
    if (!this.has(feature)) throw this.missing(feature, object);
  }

  /** The error for a feature that is missing. */
  missing(feature: Feature, object?: string, cause?: unknown): BpfError {
    const minimum = this.minimum(feature);
    const since = minimum === undefined ? "" : `, which came with Linux ${minimum}`;
    const who = object === undefined ? "" : ` that ${object} needs`;
    return new BpfError("ERR_UNSUPPORTED", `this kernel lacks ${feature}${who}${since}`, {
      feature,
      ...(minimum === undefined ? {} : { minimum }),
      ...(object === undefined ? {} : { object }),
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #probe(feature: Feature): boolean {
    if (isNamed(feature)) return NAMED[feature].has(this.#sys);
    const [kind, name] = split(feature);
    if (kind === "map" && name in MAP_TYPES) return hasMap(this.#sys, name as MapType);
    if (kind === "program" && name in PROGRAM_TYPES) return hasProgram(this.#sys, name as ProgramType);
    if (kind === "kfunc") return findKernelSymbol("func", name) !== undefined;
    if (kind === "helper" && /^\d+$/.test(name)) return hasHelper(this.#sys, Number(name));
    throw new TypeError(`unknown feature ${feature}`);
  }
}

function isNamed(feature: Feature): feature is NamedFeature {
  return Object.hasOwn(NAMED, feature);
}

function split(feature: string): [string, string] {
  const colon = feature.indexOf(":");
  return [feature.slice(0, colon), feature.slice(colon + 1)];
}

const perSys = new WeakMap<Sys, Features>();

/** The answers for one system, shared by everything that asks. */
export function featuresOf(sys: Sys): Features {
  let features = perSys.get(sys);
  if (features === undefined) perSys.set(sys, (features = new Features(sys)));
  return features;
}

/** Features of the running kernel. */
export const features: Pick<Features, "has" | "minimum" | "require"> = {
  has: (feature) => featuresOf(linuxSys()).has(feature),
  minimum: (feature) => featuresOf(linuxSys()).minimum(feature),
  require: (feature, object) => featuresOf(linuxSys()).require(feature, object),
};

/** Sizes that each map type accepts. */
function hasMap(sys: Sys, type: MapType): boolean {
  const descriptors = type === "ringbuf" || type === "user_ringbuf";
  const trie = type === "lpm_trie";
  const base = { name: "probe", type, maxEntries: descriptors ? sys.pageSize : 1, flags: trie ? 1 : 0 };
  const sizes = descriptors ? { keySize: 0, valueSize: 0 } : { keySize: trie ? 8 : 4, valueSize: 4 };
  const inner = { name: "probe", type: "array", keySize: 4, valueSize: 4, maxEntries: 1 } as const;
  try {
    createMapFd(sys, { ...base, ...sizes, ...(type.endsWith("_of_maps") ? { inner } : {}) }).close();
    return true;
  } catch (error) {
    return refused(error);
  }
}

/** False for a kernel that does not know it; the error if it was something else. */
function refused(error: unknown): false {
  if (error instanceof BpfError && error.code === "ERR_SYSCALL") return false;
  throw error;
}

/** `r0 = 0; exit`, or with a call of a helper before it. */
function load(
  sys: Sys,
  type: ProgramType,
  options: { helper?: number; core?: boolean } = {},
): { result: number; log: string } {
  const code = new Memory(sys, options.helper === undefined ? 16 : 24);
  let at = 0;
  if (options.helper !== undefined) {
    code.view.setUint8(at, OPCODE.CALL);
    code.view.setInt32(at + 4, options.helper, true);
    at += 8;
  }
  code.view.setUint8(at, OPCODE.MOV64_IMM);
  // cgroup programs must return 0 or 1, syscall programs anything.
  code.view.setUint8(at + 8, OPCODE.EXIT);
  const log = new Memory(sys, 4096);
  const attr = new Attr(sys, 144)
    .u32(0, PROGRAM_TYPES[type])
    .u32(4, code.bytes.byteLength / 8)
    .pointer(8, code)
    .pointer(16, Memory.text(sys, "GPL"))
    .u32(24, 1)
    .u32(28, log.bytes.byteLength)
    .pointer(32, log);
  if (type === "syscall") attr.u32(44, 1 << 4);
  if (type === "cgroup_sock_addr") attr.u32(68, ATTACH_TYPES.cgroup_inet4_connect);
  if (type === "cgroup_sockopt") attr.u32(68, ATTACH_TYPES.cgroup_getsockopt);
  if (type === "sk_lookup") attr.u32(68, ATTACH_TYPES.sk_lookup);
  if (type === "netfilter") attr.u32(68, ATTACH_TYPES.netfilter);
  if (options.core === true) attr.u32(136, 16);
  const result = tryBpf("BPF_PROG_LOAD", attr);
  return { result, log: new TextDecoder().decode(log.bytes).replace(/\0.*$/s, "") };
}

function hasProgram(sys: Sys, type: ProgramType): boolean {
  const { result, log } = load(sys, type);
  if (result >= 0) sys.close(result);
  if (result === -ERRNO.EPERM) throw syscallError("BPF_PROG_LOAD", ERRNO.EPERM);
  // A kernel that knows the type and dislikes the program says why.
  return result >= 0 || log !== "";
}

/** A helper that exists is refused for its arguments, one that does not for its number. */
function hasHelper(sys: Sys, helper: number): boolean {
  // tc programs may call nearly everything a networking object needs; the rest is tried as syscall and XDP.
  for (const type of ["sched_cls", "syscall", "xdp", "cgroup_sock_addr"] as const) {
    const { result, log } = load(sys, type, { helper });
    if (result >= 0) sys.close(result);
    if (result === -ERRNO.EPERM && log === "") throw syscallError("BPF_PROG_LOAD", ERRNO.EPERM);
    if (result >= 0 || (log !== "" && !/invalid func |unknown func |cannot use helper/.test(log)))
      return true;
  }
  return false;
}

/** An older kernel refuses an attribute with bytes it does not know. */
function hasCore(sys: Sys): boolean {
  const { result } = load(sys, "sched_cls", { core: true });
  if (result >= 0) sys.close(result);
  return result >= 0;
}

function hasBatch(sys: Sys): boolean {
  const map = createMapFd(sys, { name: "probe", type: "hash", keySize: 4, valueSize: 4, maxEntries: 1 });
  try {
    const cursor = new Memory(sys, 4);
    const attr = new Attr(sys, 56)
      .pointer(8, cursor)
      .pointer(16, new Memory(sys, 4))
      .pointer(24, new Memory(sys, 4))
      .u32(32, 1)
      .u32(36, map.number);
    return tryBpf("BPF_MAP_LOOKUP_BATCH", attr) === -ERRNO.ENOENT;
  } finally {
    map.close();
  }
}

/** Creating a link to something impossible fails with ENODEV or EBADF if the kernel got as far as looking for it. */
function hasLink(sys: Sys, type: ProgramType, attach: "tcx_ingress" | "cgroup_inet_ingress"): boolean {
  const { result } = load(sys, type);
  if (result === -ERRNO.EPERM) throw syscallError("BPF_PROG_LOAD", ERRNO.EPERM);
  if (result < 0) return false;
  try {
    const attr = new Attr(sys, 32).u32(0, result).u32(4, 0x7fffffff).u32(8, ATTACH_TYPES[attach]);
    const link = tryBpf("BPF_LINK_CREATE", attr);
    if (link >= 0) sys.close(link);
    return link === -ERRNO.ENODEV || link === -ERRNO.EBADF || link >= 0;
  } finally {
    sys.close(result);
  }
}
