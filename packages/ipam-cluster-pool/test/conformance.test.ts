import { ipamConformance } from "@netloom/conformance/ipam";
import { createOperator, type IpamContext } from "@netloom/core";
import { clusterPool, clusterPoolOperator } from "@netloom/ipam-cluster-pool";
import { describe, it } from "vitest";

/** The node's fact, as its agent announces it, and an operator whose pool is exactly the ranges that it should have. */
async function surround({ store, node, podCIDRs }: IpamContext): Promise<AsyncDisposable> {
  await store.create(`netloom/default/v1/state/nodes/${node}`, {
    name: node,
    addresses: [],
    podCIDRs: [],
    routers: [],
  });
  const pools = [{ name: "default", cidrs: podCIDRs, blockPrefix: { ipv4: 28, ipv6: 124 } }];
  const operator = createOperator({ store, components: [clusterPoolOperator({ pools })] });
  await operator.start();
  return operator;
}

ipamConformance({ describe, it }, { create: () => clusterPool(), surround });
