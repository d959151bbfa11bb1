import { NetloomError } from "../errors.ts";
import { checkLabel, formatLabel } from "../labels/index.ts";
import { NAMED_PROTOCOLS, portLabel } from "../policy/named-ports.ts";
import { prefixLabel } from "../policy/prefix-labels.ts";
import { isNamespaceKey, NAMESPACE_LABELS_PREFIX, POD_NAMESPACE_KEY } from "./namespace-labels.ts";
import type { KubernetesContainer, KubernetesNamespace, KubernetesPod } from "./types.ts";

export interface PodLabelOptions {
  /**
   * Prefixes that the pod's addresses are in, one of each of its families, or the addresses themselves: policies with
   * an `ipBlock` go by them. The range of all pods costs nothing and is right for blocks that hold all pods or none;
   * a node's range, or an address, is right for narrower blocks too, at the price of as many identities.
   *
   * @defaultValue [], and no `ipBlock` means the pod
   */
  readonly prefixes?: readonly string[];
}

/**
 * The labels of a pod's endpoint, for `endpoints.create` and `endpoints.setLabels`: its own, its namespace's name and
 * labels, its named ports. Call it again when any of these has changed.
 *
 * @throws {@link NetloomError} `ERR_LABEL_INVALID`, also for a pod that claims labels of a namespace for its own;
 *   `ERR_CIDR_INVALID`, `ERR_ADDRESS_INVALID` for a prefix.
 */
export function podLabels(
  pod: KubernetesPod,
  namespace: KubernetesNamespace,
  { prefixes = [] }: PodLabelOptions = {},
): string[] {
  const name = namespace.metadata?.name;
  if (name === undefined || pod.metadata?.namespace !== name) {
    const its = pod.metadata?.namespace ?? "no namespace";
    throw new TypeError(`the pod is of ${its}, the namespace is ${name ?? "without a name"}`);
  }
  const own = Object.entries(pod.metadata.labels ?? {});
  const claimed = own.find(([key]) => isNamespaceKey(key));
  if (claimed !== undefined) {
    const input = formatLabel({ source: "k8s", key: claimed[0], value: claimed[1] });
    throw new NetloomError("ERR_LABEL_INVALID", `label ${input} of a pod speaks of its namespace`, {
      input,
      remedy: "label the namespace",
    });
  }
  const labels: [key: string, value: string][] = [...own, [POD_NAMESPACE_KEY, name]];
  for (const [key, value] of Object.entries(namespace.metadata?.labels ?? {})) {
    labels.push([`${NAMESPACE_LABELS_PREFIX}${key}`, value]);
  }
  return [
    ...labels.map(([key, value]) => formatLabel(checkLabel({ source: "k8s", key, value }))),
    ...namedPorts(pod),
    ...prefixes.map(prefixLabel),
  ];
}

/** Where containers share a name, the first one counts, as in Kubernetes. */
function namedPorts({ spec }: KubernetesPod): string[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const containers: readonly KubernetesContainer[] = [...(spec?.containers ?? []), ...sidecars];
  const labels = new Map<string, string>();
  for (const { name, protocol, containerPort } of containers.flatMap(({ ports }) => ports ?? [])) {
    if (typeof name !== "string" || name === "") continue;
    const known = NAMED_PROTOCOLS.find((one) => one === (protocol ?? "TCP"));
    // Policies can name ports of no other protocol.
    if (known === undefined) continue;
    const key = `${known}/${name}`;
    if (!labels.has(key)) labels.set(key, portLabel({ protocol: known, name, port: containerPort }));
  }
  return [...labels.values()];
}
