import { PROGRAM_FLAG } from "../abi.ts";
import type { AttachType, ProgramType } from "../abi.ts";

/** What the name of a code section says about the programs in it. */
export interface SectionKind {
  readonly type: ProgramType;
  readonly attachType?: AttachType;
  readonly flags?: number;
}

/**
 * Section names as libbpf documents them (`Documentation/bpf/libbpf/program_types.rst`), as far as they belong to
 * program types that need no target in the kernel. What follows a further slash is free text.
 */
const SECTIONS: Readonly<Record<string, SectionKind>> = {
  socket: { type: "socket_filter" },
  tc: { type: "sched_cls" },
  classifier: { type: "sched_cls" },
  "tc/ingress": { type: "sched_cls", attachType: "tcx_ingress" },
  "tc/egress": { type: "sched_cls", attachType: "tcx_egress" },
  "tcx/ingress": { type: "sched_cls", attachType: "tcx_ingress" },
  "tcx/egress": { type: "sched_cls", attachType: "tcx_egress" },
  action: { type: "sched_act" },
  xdp: { type: "xdp", attachType: "xdp" },
  "xdp.frags": { type: "xdp", attachType: "xdp", flags: PROGRAM_FLAG.XDP_HAS_FRAGS },
  "xdp/devmap": { type: "xdp", attachType: "xdp_devmap" },
  "xdp/cpumap": { type: "xdp", attachType: "xdp_cpumap" },
  "cgroup/skb": { type: "cgroup_skb" },
  "cgroup_skb/ingress": { type: "cgroup_skb", attachType: "cgroup_inet_ingress" },
  "cgroup_skb/egress": { type: "cgroup_skb", attachType: "cgroup_inet_egress" },
  "cgroup/sock": { type: "cgroup_sock", attachType: "cgroup_inet_sock_create" },
  "cgroup/sock_create": { type: "cgroup_sock", attachType: "cgroup_inet_sock_create" },
  "cgroup/sock_release": { type: "cgroup_sock", attachType: "cgroup_inet_sock_release" },
  "cgroup/post_bind4": { type: "cgroup_sock", attachType: "cgroup_inet4_post_bind" },
  "cgroup/post_bind6": { type: "cgroup_sock", attachType: "cgroup_inet6_post_bind" },
  "cgroup/bind4": { type: "cgroup_sock_addr", attachType: "cgroup_inet4_bind" },
  "cgroup/bind6": { type: "cgroup_sock_addr", attachType: "cgroup_inet6_bind" },
  "cgroup/connect4": { type: "cgroup_sock_addr", attachType: "cgroup_inet4_connect" },
  "cgroup/connect6": { type: "cgroup_sock_addr", attachType: "cgroup_inet6_connect" },
  "cgroup/sendmsg4": { type: "cgroup_sock_addr", attachType: "cgroup_udp4_sendmsg" },
  "cgroup/sendmsg6": { type: "cgroup_sock_addr", attachType: "cgroup_udp6_sendmsg" },
  "cgroup/recvmsg4": { type: "cgroup_sock_addr", attachType: "cgroup_udp4_recvmsg" },
  "cgroup/recvmsg6": { type: "cgroup_sock_addr", attachType: "cgroup_udp6_recvmsg" },
  "cgroup/getpeername4": { type: "cgroup_sock_addr", attachType: "cgroup_inet4_getpeername" },
  "cgroup/getpeername6": { type: "cgroup_sock_addr", attachType: "cgroup_inet6_getpeername" },
  "cgroup/getsockname4": { type: "cgroup_sock_addr", attachType: "cgroup_inet4_getsockname" },
  "cgroup/getsockname6": { type: "cgroup_sock_addr", attachType: "cgroup_inet6_getsockname" },
  "cgroup/dev": { type: "cgroup_device", attachType: "cgroup_device" },
  "cgroup/sysctl": { type: "cgroup_sysctl", attachType: "cgroup_sysctl" },
  "cgroup/getsockopt": { type: "cgroup_sockopt", attachType: "cgroup_getsockopt" },
  "cgroup/setsockopt": { type: "cgroup_sockopt", attachType: "cgroup_setsockopt" },
  sockops: { type: "sock_ops", attachType: "cgroup_sock_ops" },
  sk_lookup: { type: "sk_lookup", attachType: "sk_lookup" },
  sk_msg: { type: "sk_msg", attachType: "sk_msg_verdict" },
  sk_skb: { type: "sk_skb", attachType: "sk_skb_verdict" },
  "sk_skb/stream_parser": { type: "sk_skb", attachType: "sk_skb_stream_parser" },
  "sk_skb/stream_verdict": { type: "sk_skb", attachType: "sk_skb_stream_verdict" },
  sk_reuseport: { type: "sk_reuseport", attachType: "sk_reuseport_select" },
  "sk_reuseport/migrate": { type: "sk_reuseport", attachType: "sk_reuseport_select_or_migrate" },
  flow_dissector: { type: "flow_dissector", attachType: "flow_dissector" },
  lwt_in: { type: "lwt_in" },
  lwt_out: { type: "lwt_out" },
  lwt_xmit: { type: "lwt_xmit" },
  lwt_seg6local: { type: "lwt_seg6local" },
  netfilter: { type: "netfilter", attachType: "netfilter" },
  syscall: { type: "syscall", flags: PROGRAM_FLAG.SLEEPABLE },
};

/** The kind of a section, matching the longest known name; undefined for one this package cannot load. */
export function sectionKind(section: string): SectionKind | undefined {
  for (let name = section; name !== ""; name = name.slice(0, Math.max(name.lastIndexOf("/"), 0))) {
    if (Object.hasOwn(SECTIONS, name)) return SECTIONS[name];
  }
  return undefined;
}
