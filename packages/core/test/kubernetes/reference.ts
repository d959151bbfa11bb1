import { BlockList, isIPv6 } from "node:net";
import type {
  KubernetesLabelSelector,
  KubernetesNetworkPolicy,
  KubernetesPolicyPeer,
  KubernetesPolicyPort,
} from "@netloom/core/kubernetes";

/** A pod, or (without a namespace) somebody outside of the cluster. */
export interface ReferenceEnd {
  readonly address: string;
  readonly namespace?: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly {
    readonly name: string;
    readonly containerPort: number;
    readonly protocol: string;
  }[];
}

export interface ReferenceQuestion {
  readonly direction: "egress" | "ingress";
  /** The pod whose policies are asked. */
  readonly subject: ReferenceEnd;
  readonly peer: ReferenceEnd;
  readonly protocol: string;
  readonly port: number;
}

/**
 * NetworkPolicy as the documentation of Kubernetes has it, sentence by sentence, in the plainest words there are:
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/ and the reference of its API. It shares no
 * code with Netloom.
 */
export function referenceAllows(
  policies: readonly KubernetesNetworkPolicy[],
  question: ReferenceQuestion,
): boolean {
  const applicable = policies.filter(
    ({ metadata, spec = {} }) =>
      metadata.namespace === question.subject.namespace?.name &&
      selects(spec.podSelector ?? {}, question.subject.labels) &&
      typesOf(spec).includes(question.direction),
  );
  // "By default, a pod is non-isolated", and "the order of evaluation does not affect the policy result".
  return applicable.length === 0 || applicable.some((policy) => allowsByRules(policy, question));
}

type Spec = NonNullable<KubernetesNetworkPolicy["spec"]>;

/** "If no policyTypes are specified then by default Ingress will always be set and Egress [...] if the NetworkPolicy has any egress rules." */
function typesOf({ policyTypes, egress }: Spec): readonly string[] {
  const types = policyTypes ?? [];
  if (types.length > 0) return types.map((type) => type.toLowerCase());
  return (egress ?? []).length > 0 ? ["ingress", "egress"] : ["ingress"];
}

function allowsByRules(
  { metadata, spec = {} }: KubernetesNetworkPolicy,
  question: ReferenceQuestion,
): boolean {
  const rules =
    question.direction === "ingress"
      ? (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  const destination = question.direction === "ingress" ? question.subject : question.peer;
  // "If this field is empty or missing, this rule matches all [...]"
  return rules.some(
    ({ peers, ports }) =>
      ((peers ?? []).length === 0 ||
        peers!.some((peer) => isPeer(peer, metadata.namespace, question.peer))) &&
      ((ports ?? []).length === 0 || ports!.some((port) => isPort(port, destination, question))),
  );
}

function isPeer(
  { podSelector, namespaceSelector, ipBlock }: KubernetesPolicyPeer,
  namespace: string,
  end: ReferenceEnd,
): boolean {
  if (ipBlock !== undefined) {
    return isInside(ipBlock.cidr, end) && !(ipBlock.except ?? []).some((hole) => isInside(hole, end));
  }
  if (end.namespace === undefined) return false;
  const inNamespace =
    namespaceSelector === undefined
      ? end.namespace.name === namespace
      : selects(namespaceSelector, end.namespace.labels);
  return inNamespace && selects(podSelector ?? {}, end.labels);
}

function isInside(cidr: string, { address }: ReferenceEnd): boolean {
  const [net = "", length] = cidr.split("/");
  const family = (of: string): "ipv4" | "ipv6" => (isIPv6(of) ? "ipv6" : "ipv4");
  if (family(net) !== family(address)) return false;
  const list = new BlockList();
  list.addSubnet(net, Number(length), family(net));
  return list.check(address, family(address));
}

function isPort(
  { protocol = "TCP", port, endPort }: KubernetesPolicyPort,
  destination: ReferenceEnd,
  question: ReferenceQuestion,
): boolean {
  if (protocol !== question.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === "number") return question.port >= port && question.port <= (endPort ?? port);
  return destination.ports.some(
    (one) => one.name === port && one.protocol === protocol && one.containerPort === question.port,
  );
}

function selects(selector: KubernetesLabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === "Exists") return value !== undefined;
      if (operator === "DoesNotExist") return value === undefined;
      const among = value !== undefined && values.includes(value);
      return operator === "In" ? among : !among;
    })
  );
}
