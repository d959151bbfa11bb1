import type { SelectorInput } from "../labels/index.ts";

/**
 * A policy as people write it. It selects endpoints, its subjects, by their labels; each of `ingress` and `egress`
 * that is there turns that direction of its subjects to default deny, and its rules say what is allowed or denied
 * beyond. An empty list is there too: it allows nothing.
 *
 * Rules of all policies add up. A deny wins over any allow. Established connections are held to the policy in
 * force: what is no longer allowed stops. Replies are never asked.
 */
export interface NetworkPolicy {
  /** Unique in the cluster, e.g. `default/web`. */
  readonly name: string;
  readonly description?: string;
  /** The empty selector `{}` selects every endpoint. */
  readonly subject: SelectorInput;
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
  /** `false`: the rules apply, but the direction is not turned to default deny. @defaultValue true for both */
  readonly defaultDeny?: { readonly ingress?: boolean; readonly egress?: boolean };
}

export interface PolicyRule {
  /** @defaultValue "allow" */
  readonly action?: "allow" | "deny";
  /** Who is at the other end: sources of ingress, destinations of egress. Omitted: anyone. */
  readonly peers?: readonly PolicyPeer[];
  /** Omitted: every port of every protocol. */
  readonly ports?: readonly PolicyPort[];
  readonly description?: string;
}

export type PolicyPeer =
  /** Endpoints by their labels; `{}`: every endpoint of the cluster. */
  | { readonly selector: SelectorInput }
  | { readonly entity: PolicyEntity }
  /** Addresses outside the cluster: without `endpoints` a CIDR matches no pod, and it never matches a node. */
  | {
      readonly cidr: string;
      readonly except?: readonly string[];
      /**
       * Also the endpoints that say by a label `cidr:<prefix>` (see `prefixLabel`) that their addresses are inside. One
       * whose prefix is cut in two by the block is allowed by no rule, and denied by any. One with addresses of both
       * families is meant where the rule has blocks around both. @defaultValue false
       */
      readonly endpoints?: boolean;
    };

export const POLICY_ENTITIES = [
  "all",
  "cluster",
  "health",
  "host",
  "ingress",
  "init",
  "kube-apiserver",
  "none",
  "remote-node",
  "unmanaged",
  "world",
  "world-ipv4",
  "world-ipv6",
] as const;

export type PolicyEntity = (typeof POLICY_ENTITIES)[number];

export const POLICY_PROTOCOLS = ["ANY", "TCP", "UDP", "SCTP", "ICMP", "ICMPv6"] as const;

export type PolicyProtocol = (typeof POLICY_PROTOCOLS)[number];

export interface PolicyPort {
  /** `ANY` with a port stands for TCP, UDP and SCTP. @defaultValue "ANY" */
  readonly protocol?: PolicyProtocol;
  /** 1 to 65535. Omitted: every port of the protocol. */
  readonly port?: number;
  /** Last port of a range that starts at `port`. */
  readonly endPort?: number;
  /**
   * In place of `port`: the port that the destination calls so, by its label `port:tcp/<name>=<number>` (see
   * `portLabel`). Each destination has its own number for a name; one that has none is not meant.
   */
  readonly name?: string;
  /** ICMP and ICMPv6 only: the type, 0 to 255. Omitted: every type. */
  readonly icmpType?: number;
}

export type PolicyDirection = "egress" | "ingress";

/** `default`: a direction is enforced once a policy selects the endpoint for it; `always`; `never`. */
export type EnforcementMode = "default" | "always" | "never";
