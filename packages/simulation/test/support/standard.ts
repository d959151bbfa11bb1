import { clusterPool, clusterPoolOperator } from "@netloom/ipam-cluster-pool";
import { vxlan } from "@netloom/routing-vxlan";
import { claimsOfTheLiving } from "./claims.ts";
import type { Backends, SimulatedClusterOptions } from "@netloom/simulation";

const base = { name: "default", cidrs: ["10.0.0.0/25"], blockPrefix: { ipv4: 29 } };
const grown = { ...base, cidrs: ["10.0.0.0/25", "10.0.1.0/26"] };
const other = { name: "spare", cidrs: ["10.0.2.0/26"], blockPrefix: { ipv4: 29 } };

/** Small blocks, so that nodes need several; and operators that come back with larger, smaller and other pools. */
export const standardBackends: Backends = {
  ipam: () => clusterPool({ preAllocate: 2 }),
  routing: () => vxlan(),
  components: [
    () => [clusterPoolOperator({ pools: [base] })],
    () => [clusterPoolOperator({ pools: [grown] })],
    () => [clusterPoolOperator({ pools: [grown, other] })],
  ],
};

export function standard(seed: number, more: Partial<SimulatedClusterOptions> = {}): SimulatedClusterOptions {
  return {
    seed,
    nodes: 3,
    operators: 2,
    backends: standardBackends,
    services: seed % 8 === 0,
    invariants: [claimsOfTheLiving],
    ...more,
  };
}
