/**
 * VXLAN routing: pods of different nodes reach each other through a tunnel between the nodes (RFC 7348), and the tunnel's
 * 24-bit VNI carries the source's security identity.
 *
 * @example
 * import { createAgent } from "@netloom/core";
 * import { vxlan } from "@netloom/routing-vxlan";
 *
 * const agent = createAgent({ node, store, ipam, datapath, routing: vxlan() });
 *
 * @packageDocumentation
 */
export { vxlan } from "./vxlan.ts";
export type { VxlanOptions } from "./vxlan.ts";
