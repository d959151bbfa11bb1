/**
 * NetworkPolicy of `networking.k8s.io/v1`, as the API server gives it. Where a field is missing, it may be `null` or
 * `undefined` as well.
 */
export interface KubernetesNetworkPolicy {
  readonly apiVersion?: "networking.k8s.io/v1";
  readonly kind?: "NetworkPolicy";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec?: {
    readonly podSelector?: KubernetesLabelSelector;
    readonly policyTypes?: readonly ("Ingress" | "Egress")[];
    readonly ingress?: readonly {
      readonly from?: readonly KubernetesPolicyPeer[];
      readonly ports?: readonly KubernetesPolicyPort[];
    }[];
    readonly egress?: readonly {
      readonly to?: readonly KubernetesPolicyPeer[];
      readonly ports?: readonly KubernetesPolicyPort[];
    }[];
  };
}

export interface KubernetesLabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: readonly string[];
  }[];
}

/** Selectors, one or both, or an address block. */
export interface KubernetesPolicyPeer {
  readonly podSelector?: KubernetesLabelSelector;
  readonly namespaceSelector?: KubernetesLabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface KubernetesPolicyPort {
  readonly protocol?: "TCP" | "UDP" | "SCTP";
  readonly port?: number | string;
  readonly endPort?: number;
}

/** What of a pod its labels come from. Any pod of the API has this shape, and so have those of client libraries. */
export interface KubernetesPod {
  readonly metadata?: {
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>> | null;
  };
  readonly spec?: {
    readonly containers?: readonly KubernetesContainer[] | null;
    readonly initContainers?: readonly KubernetesContainer[] | null;
  } | null;
}

export interface KubernetesContainer {
  readonly restartPolicy?: string | null;
  readonly ports?:
    | readonly {
        readonly name?: string | null;
        readonly containerPort: number;
        readonly protocol?: string | null;
      }[]
    | null;
}

/** What of a namespace its pods' labels come from. */
export interface KubernetesNamespace {
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>> | null;
  };
}
