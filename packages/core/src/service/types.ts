import type { SelectorInput } from "../labels/index.ts";

/** A service as people write it: addresses and ports that stand for whichever backends are there. */
export interface Service {
  /** Unique in the cluster, e.g. `default/web`. */
  readonly name: string;
  /** For whoever selects services, e.g. to advertise them: Kubernetes' own. @defaultValue none */
  readonly labels?: Readonly<Record<string, string>>;
  /** Virtual addresses: they belong to no host. In Kubernetes' words the cluster IPs. Served to pods alone. */
  readonly addresses: readonly string[];
  /** Served as `addresses` are, and to clients outside: chosen by hand for callers from outside (Kubernetes' `externalIPs`). @defaultValue none */
  readonly externalAddresses?: readonly string[];
  /** Served as `addresses` are, and to clients outside: given by a load balancer (`status.loadBalancer.ingress`). @defaultValue none */
  readonly loadBalancerAddresses?: readonly string[];
  /**
   * Of its external and load balancer addresses: which nodes tell the fabric of them, and where a node sends a client
   * outside. `cluster`: all of them, to any backend. `local`: those that have a ready backend, and to their own alone.
   * @defaultValue "cluster"
   */
  readonly externalTrafficPolicy?: ExternalTrafficPolicy;
  readonly ports: readonly ServicePort[];
  /** A list, or the live endpoints that a selector selects. */
  readonly backends: readonly ServiceBackend[] | { readonly selector: SelectorInput };
}

/** Kubernetes' names for what an address of a service is. */
export type ServiceAddressType = "ClusterIP" | "ExternalIP" | "LoadBalancerIP";

export type ExternalTrafficPolicy = "cluster" | "local";

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
