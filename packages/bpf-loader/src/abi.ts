/** Numbers of the kernel's bpf(2) interface (`include/uapi/linux/bpf.h`), by the names this package uses. */

export const COMMAND = {
  BPF_MAP_CREATE: 0,
  BPF_MAP_LOOKUP_ELEM: 1,
  BPF_MAP_UPDATE_ELEM: 2,
  BPF_MAP_DELETE_ELEM: 3,
  BPF_MAP_GET_NEXT_KEY: 4,
  BPF_PROG_LOAD: 5,
  BPF_OBJ_PIN: 6,
  BPF_OBJ_GET: 7,
  BPF_PROG_TEST_RUN: 10,
  BPF_PROG_GET_NEXT_ID: 11,
  BPF_MAP_GET_NEXT_ID: 12,
  BPF_PROG_GET_FD_BY_ID: 13,
  BPF_MAP_GET_FD_BY_ID: 14,
  BPF_OBJ_GET_INFO_BY_FD: 15,
  BPF_PROG_QUERY: 16,
  BPF_BTF_LOAD: 18,
  BPF_BTF_GET_FD_BY_ID: 19,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: 21,
  BPF_MAP_FREEZE: 22,
  BPF_BTF_GET_NEXT_ID: 23,
  BPF_MAP_LOOKUP_BATCH: 24,
  BPF_MAP_UPDATE_BATCH: 26,
  BPF_MAP_DELETE_BATCH: 27,
  BPF_LINK_CREATE: 28,
  BPF_LINK_UPDATE: 29,
  BPF_LINK_GET_FD_BY_ID: 30,
  BPF_ENABLE_STATS: 32,
  BPF_LINK_DETACH: 34,
} as const;

export type Command = keyof typeof COMMAND;

export const MAP_TYPES = {
  hash: 1,
  array: 2,
  prog_array: 3,
  perf_event_array: 4,
  percpu_hash: 5,
  percpu_array: 6,
  stack_trace: 7,
  cgroup_array: 8,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  array_of_maps: 12,
  hash_of_maps: 13,
  devmap: 14,
  sockmap: 15,
  cpumap: 16,
  xskmap: 17,
  sockhash: 18,
  cgroup_storage: 19,
  reuseport_sockarray: 20,
  percpu_cgroup_storage: 21,
  queue: 22,
  stack: 23,
  sk_storage: 24,
  devmap_hash: 25,
  struct_ops: 26,
  ringbuf: 27,
  inode_storage: 28,
  task_storage: 29,
  bloom_filter: 30,
  user_ringbuf: 31,
  cgrp_storage: 32,
  arena: 33,
} as const;

/** The kernel's map types, named after `BPF_MAP_TYPE_*` in lower case. */
export type MapType = keyof typeof MAP_TYPES;

const MAP_TYPE_NAMES: ReadonlyMap<number, MapType> = new Map(
  Object.entries(MAP_TYPES).map(([name, number]) => [number, name as MapType]),
);

export function mapTypeName(type: number): MapType | undefined {
  return MAP_TYPE_NAMES.get(type);
}

export const PROGRAM_TYPES = {
  socket_filter: 1,
  sched_cls: 3,
  sched_act: 4,
  xdp: 6,
  cgroup_skb: 8,
  cgroup_sock: 9,
  lwt_in: 10,
  lwt_out: 11,
  lwt_xmit: 12,
  sock_ops: 13,
  sk_skb: 14,
  cgroup_device: 15,
  sk_msg: 16,
  cgroup_sock_addr: 18,
  lwt_seg6local: 19,
  sk_reuseport: 21,
  flow_dissector: 22,
  cgroup_sysctl: 23,
  cgroup_sockopt: 25,
  sk_lookup: 30,
  syscall: 31,
  netfilter: 32,
} as const;

/** The program types this package can load, named after `BPF_PROG_TYPE_*` in lower case. */
export type ProgramType = keyof typeof PROGRAM_TYPES;

const PROGRAM_TYPE_NAMES: ReadonlyMap<number, ProgramType> = new Map(
  Object.entries(PROGRAM_TYPES).map(([name, number]) => [number, name as ProgramType]),
);

export function programTypeName(type: number): ProgramType | undefined {
  return PROGRAM_TYPE_NAMES.get(type);
}

/** `BPF_CGROUP_*`, `BPF_XDP` and `BPF_TCX_*`; only those this package attaches or loads for. */
export const ATTACH_TYPES = {
  cgroup_inet_ingress: 0,
  cgroup_inet_egress: 1,
  cgroup_inet_sock_create: 2,
  cgroup_sock_ops: 3,
  sk_skb_stream_parser: 4,
  sk_skb_stream_verdict: 5,
  cgroup_device: 6,
  sk_msg_verdict: 7,
  cgroup_inet4_bind: 8,
  cgroup_inet6_bind: 9,
  cgroup_inet4_connect: 10,
  cgroup_inet6_connect: 11,
  cgroup_inet4_post_bind: 12,
  cgroup_inet6_post_bind: 13,
  cgroup_udp4_sendmsg: 14,
  cgroup_udp6_sendmsg: 15,
  flow_dissector: 17,
  cgroup_sysctl: 18,
  cgroup_udp4_recvmsg: 19,
  cgroup_udp6_recvmsg: 20,
  cgroup_getsockopt: 21,
  cgroup_setsockopt: 22,
  cgroup_inet4_getpeername: 29,
  cgroup_inet6_getpeername: 30,
  cgroup_inet4_getsockname: 31,
  cgroup_inet6_getsockname: 32,
  xdp_devmap: 33,
  cgroup_inet_sock_release: 34,
  xdp_cpumap: 35,
  sk_lookup: 36,
  xdp: 37,
  sk_skb_verdict: 38,
  sk_reuseport_select: 39,
  sk_reuseport_select_or_migrate: 40,
  netfilter: 45,
  tcx_ingress: 46,
  tcx_egress: 47,
} as const;

export type AttachType = keyof typeof ATTACH_TYPES;

/** Flags of BPF_MAP_CREATE. */
export const MAP_FLAG = {
  NO_PREALLOC: 0x1,
  NO_COMMON_LRU: 0x2,
  NUMA_NODE: 0x4,
  RDONLY: 0x8,
  WRONLY: 0x10,
  RDONLY_PROG: 0x80,
  WRONLY_PROG: 0x100,
  MMAPABLE: 0x400,
  INNER_MAP: 0x1000,
} as const;

/** Flags of BPF_PROG_LOAD. */
export const PROGRAM_FLAG = { SLEEPABLE: 0x10, XDP_HAS_FRAGS: 0x20 } as const;

/** Flags of an element update. */
export const UPDATE_FLAG = { any: 0, create: 1, replace: 2 } as const;

/** Relative position of a tcx link (`BPF_F_BEFORE` and friends). */
export const LINK_FLAG = {
  REPLACE: 0x4,
  BEFORE: 0x8,
  AFTER: 0x10,
  ID: 0x20,
  LINK: 0x2000,
} as const;

/** Values of `src_reg` that give an instruction's immediate a meaning (`BPF_PSEUDO_*`). */
export const PSEUDO = {
  MAP_FD: 1,
  MAP_VALUE: 2,
  BTF_ID: 3,
  FUNC: 4,
  CALL: 1,
  KFUNC_CALL: 2,
} as const;

/** Opcodes the linker has to recognise. */
export const OPCODE = { LD_IMM64: 0x18, CALL: 0x85, EXIT: 0x95, MOV64_IMM: 0xb7 } as const;

export const INSTRUCTION_SIZE = 8;

/** Longest name of a map or program, without the final NUL. */
export const OBJECT_NAME_LENGTH = 15;
