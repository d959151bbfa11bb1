import { createAgent, type Agent } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { native } from "@netloom/routing-native";
import type { Ipam } from "@netloom/core";

/** A node's agent with nothing real in it but the IPAM. */
export function agentWith(ipam: Ipam, families: readonly (4 | 6)[] = [4]): Agent {
  return createAgent({
    node: { name: "node1", addresses: ["192.0.2.1"] },
    store: memoryStore(),
    families,
    ipam,
    routing: native(),
    datapath: memoryDatapath(),
  });
}
