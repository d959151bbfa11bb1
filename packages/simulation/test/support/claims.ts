import type { Invariant } from "@netloom/simulation";

const BACKEND = "netloom/default/v1/backends/cluster-pool/";
const NODES = "netloom/default/v1/state/nodes/";

/** A law of the cluster-pool backend: in the end nobody who is gone keeps a block, or asks for one. */
export const claimsOfTheLiving: Invariant = {
  name: "claims-of-the-living",
  eventually(cluster) {
    const nodes = new Set(cluster.list(NODES).map(({ key }) => key.slice(NODES.length)));
    for (const { key, value } of cluster.list(`${BACKEND}claims/`)) {
      const { node } = value as { readonly node: string };
      if (!nodes.has(node)) return `${key} is ${node}'s, which is gone`;
    }
    const request = cluster
      .list(`${BACKEND}requests/`)
      .find(({ key }) => !nodes.has(key.slice(`${BACKEND}requests/`.length)));
    return request === undefined ? undefined : `${request.key} is of a node that is gone`;
  },
};
