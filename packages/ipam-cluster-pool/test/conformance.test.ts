import { ipamConformance } from "@netloom/conformance/ipam";
import { createOperator, type IpamContext, type Operator } from "@netloom/core";
import { clusterPool, clusterPoolOperator } from "@netloom/ipam-cluster-pool";
import { describe, it } from "vitest";

/** The node's fact, as its agent announces it, and an operator whose pool is exactly the ranges that it should have. */
async function surround(context: IpamContext): Promise<Operator> {
  const fact = { name: context.node, addresses: [], podCIDRs: [], routers: [] };
  await context.store.create(`netloom/default/v1/state/nodes/${context.node}`, fact);
  return operate(context, context.podCIDRs);
}

async function operate({ store }: IpamContext, cidrs: readonly string[]): Promise<Operator> {
  const pools = [{ name: "default", cidrs, blockPrefix: { ipv4: 28, ipv6: 124 } }];
  const operator = createOperator({ store, components: [clusterPoolOperator({ pools })] });
  await operator.start();
  return operator;
}

const grow = (context: IpamContext): Promise<Operator> =>
  operate(context, [...context.podCIDRs, "10.78.0.16/28", "fd00:78::10/124"]);

ipamConformance({ describe, it }, { create: () => clusterPool(), surround, grow });
