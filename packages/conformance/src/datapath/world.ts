import type {
  Attachment,
  Datapath,
  DatapathContext,
  DatapathNode,
  EndpointHook,
  RoutePlan,
} from "@netloom/core";
import type { Check } from "../kit/check.ts";

/** A node for a datapath, and what an agent would hand to it. */
export interface DatapathWorld {
  readonly node: DatapathNode;
  readonly context: DatapathContext;
  readonly patience: number;
  /** One that has not been started. */
  readonly create: () => Datapath;
  /** One that has. */
  readonly start: () => Promise<Datapath>;
  /** Ends it, and starts the one of the next agent. */
  readonly restart: (datapath: Datapath) => Promise<Datapath>;
  /** Of the number-th pod, from 1. */
  readonly hook: (number: number) => EndpointHook;
}

export type DatapathCheck = Check<DatapathWorld>;

export const PLAN: RoutePlan = {
  overlay: { protocol: "vxlan", port: 8472, mtu: 1400 },
  podMtu: 1400,
  nodes: [],
  tunnels: [],
  native: [],
  routes: [],
  problems: [],
};

export const ROUTER = "10.77.0.1";

/** Of the number-th pod. */
export function addressOf(number: number): string {
  return `10.77.0.${10 + number}`;
}

/** In an order of their own. */
export function byName(attachments: readonly Attachment[]): readonly Attachment[] {
  return attachments.map((attachment) => ({ ...attachment })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
