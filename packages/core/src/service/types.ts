import type { SelectorInput } from "../labels/index.ts";

/** A service as people write it: addresses and ports that stand for whichever backends are there. */
export interface Service {
  /** Unique in the cluster, e.g. `default/web`. */
  readonly name: string;
  /** Virtual addresses: they belong to no host. */
  readonly addresses: readonly string[];
  readonly ports: readonly ServicePort[];
  /** A list, or the live endpoints that a selector selects. */
  readonly backends: readonly ServiceBackend[] | { readonly selector: SelectorInput };
}

export interface ServicePort {
  /** @defaultValue "TCP" */
  readonly protocol?: "TCP" | "UDP";
  /** 1 to 65535. */
  readonly port: number;
  /** Of the backends. @defaultValue `port` */
  readonly targetPort?: number;
}

export interface ServiceBackend {
  readonly address: string;
  /** Share of new flows relative to the others, 0 to 65535. @defaultValue 1 */
  readonly weight?: number;
  /** `terminating`: keeps its flows, gets new ones only where nobody else is left. @defaultValue "active" */
  readonly state?: "active" | "terminating";
}
