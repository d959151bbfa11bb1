import type { CloudNode } from "@netloom/ipam-cloud";
import { CiliumOperator, type CiliumSettings } from "./cilium.ts";
import { Netloom, type NetloomSettings } from "./netloom.ts";
import type { Pods } from "./pods.ts";
import type { Scene } from "./scene.ts";
import { VpcCni, type VpcCniSettings } from "./vpc-cni.ts";

/** One node of a contender. */
export interface Served {
  /** Resolves when pods can come. */
  start(): Promise<void>;
  arrive(count: number): void;
  /** Resolves when every pod that came has an address. */
  served(): Promise<void>;
  readonly waits: readonly number[];
  /** How often pods were refused, where that can happen. */
  readonly refused?: number;
}

/** Makes the nodes of one cluster. */
export type Cluster = (scene: Scene) => (node: CloudNode, seed: number) => Served;

export function netloom(settings: NetloomSettings): Cluster {
  return (scene) => (node, seed) => new Netloom(scene, node, settings, seed);
}

export function vpcCni(settings: VpcCniSettings): Cluster {
  return (scene) => (node) => modelled(new VpcCni(scene, node, settings));
}

export function cilium(settings: CiliumSettings): Cluster {
  return (scene) => {
    const operator = new CiliumOperator(scene, settings);
    return (node) => modelled(operator.node(node));
  };
}

function modelled(node: { readonly pods: Pods; start(): Promise<void> }): Served {
  let came = 0;
  return {
    start: () => node.start(),
    arrive(count) {
      came += count;
      node.pods.arrive(count);
    },
    served: () => node.pods.served(came),
    waits: node.pods.waits,
  };
}
