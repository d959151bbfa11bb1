/**
 * Cluster-pool IPAM: an operator hands out blocks of a few large pools to nodes, and each node hands out the addresses of
 * its blocks alone.
 *
 * @example
 * import { createAgent, createOperator } from "@netloom/core";
 * import { clusterPool, clusterPoolOperator } from "@netloom/ipam-cluster-pool";
 *
 * const operator = createOperator({
 *   store,
 *   components: [clusterPoolOperator({ pools: [{ name: "default", cidrs: ["10.244.0.0/16"], blockPrefix: { ipv4: 24 } }] })],
 * });
 * const agent = createAgent({ node, store, routing, datapath, ipam: clusterPool() });
 *
 * @packageDocumentation
 */
export { clusterPool } from "./cluster-pool.ts";
export type { ClusterPoolOptions } from "./cluster-pool.ts";
export { clusterPoolOperator } from "./operator.ts";
export type { ClusterPoolOperatorOptions } from "./operator.ts";
export type { PoolDefinition } from "./pools.ts";
