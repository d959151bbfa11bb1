/**
 * Netloom's datapath in the Linux kernel: loads the eBPF programs of `bpf/`, attaches them to the node's devices and
 * to its pods' interfaces, keeps their maps and reads their events. Everything is pinned: traffic flows on when the
 * agent stops, crashes or is replaced.
 *
 * @example
 * import { createAgent } from "@netloom/core";
 * import { ebpf } from "@netloom/datapath-ebpf";
 *
 * const agent = createAgent({ node, store, ipam, routing, datapath: ebpf({ uplink: "eth0" }) });
 *
 * @packageDocumentation
 */
export { ebpf } from "./datapath.ts";
export type { EbpfOptions, EventChoice } from "./options.ts";
