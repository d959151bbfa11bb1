/**
 * Kubernetes' NetworkPolicy as input: pure functions from its objects to what agents take. Nothing here talks to an API
 * server.
 *
 * @packageDocumentation
 */
export { translateNetworkPolicy } from "./network-policy.ts";
export type { TranslateOptions } from "./network-policy.ts";
export { podLabels } from "./pod-labels.ts";
export type { PodLabelOptions } from "./pod-labels.ts";
export { NAMESPACE_LABELS_PREFIX, POD_NAMESPACE_KEY } from "./namespace-labels.ts";
export type {
  KubernetesContainer,
  KubernetesLabelSelector,
  KubernetesNamespace,
  KubernetesNetworkPolicy,
  KubernetesPod,
  KubernetesPolicyPeer,
  KubernetesPolicyPort,
} from "./types.ts";
