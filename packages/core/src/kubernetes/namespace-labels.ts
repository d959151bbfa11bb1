/** The key of the label that says a pod's namespace: `k8s:io.kubernetes.pod.namespace=default`, as in Cilium. */
export const POD_NAMESPACE_KEY = "io.kubernetes.pod.namespace";

/** What precedes the keys of the namespace's own labels: `k8s:io.cilium.k8s.namespace.labels.team=a`, as in Cilium. */
export const NAMESPACE_LABELS_PREFIX = "io.cilium.k8s.namespace.labels.";

/** Keys that speak of namespaces. A pod that had one of its own could pass for a pod of another namespace. */
export function isNamespaceKey(key: string): boolean {
  return key === POD_NAMESPACE_KEY || key.startsWith(NAMESPACE_LABELS_PREFIX);
}
