import { LabelFilter } from "../labels/index.ts";
import { inside, invalid, wordAt, type Place } from "../policy/parse-input.ts";
import { MAX_PORTS_PER_RULE } from "../policy/parse-ports.ts";
import type { NetworkPolicy, PolicyDirection, PolicyPeer, PolicyPort, PolicyRule } from "../policy/types.ts";
import { elementsAt, fieldsAt } from "./fields.ts";
import { readPeer, type PeerContext } from "./peers.ts";
import { readPort } from "./ports.ts";
import { inNamespace, readSelector } from "./selector.ts";

export interface TranslateOptions {
  /**
   * As the agents have it: a selector that asks for a label which is no part of identities is refused, for nobody
   * could answer. @defaultValue []
   */
  readonly identityLabels?: readonly string[];
}

const API_VERSION = "networking.k8s.io/v1";
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Of ObjectMeta. None but the first two has a say in what the policy means. */
const METADATA = [
  "name",
  "namespace",
  "annotations",
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "finalizers",
  "generateName",
  "generation",
  "labels",
  "managedFields",
  "ownerReferences",
  "resourceVersion",
  "selfLink",
  "uid",
];

/** What the rules of a direction call their peers. The client library of JavaScript has another word for `from`. */
const PEERS = { ingress: ["from", "_from"], egress: ["to"] } as const;

/**
 * Translates a NetworkPolicy of `networking.k8s.io/v1`. Its name becomes `namespace/name`, its pods are the endpoints
 * that have the labels of `podLabels`. Rules of a direction that `policyTypes` leaves out have no effect, as in
 * Kubernetes, but are checked all the same.
 *
 * @param input - a {@link KubernetesNetworkPolicy}, or what the API server, a client library or a file made of one.
 * @throws {@link NetloomError} `ERR_POLICY_INVALID`: the path of what is wrong, and what would be right.
 */
export function translateNetworkPolicy(input: unknown, options: TranslateOptions = {}): NetworkPolicy {
  const object = fieldsAt(input, { path: "object" }, ["apiVersion", "kind", "metadata", "spec", "status"]);
  wordAt(
    object["apiVersion"] ?? API_VERSION,
    { path: "apiVersion" },
    [API_VERSION],
    "version of NetworkPolicy",
  );
  wordAt(
    object["kind"] ?? "NetworkPolicy",
    { path: "kind" },
    ["NetworkPolicy"],
    "kind that can be translated",
  );
  const { namespace, name } = readMetadata(object["metadata"]);
  const filter = new LabelFilter(options.identityLabels);
  const place = { policy: name, path: "spec" };
  const fields = ["podSelector", "policyTypes", "ingress", "egress"];
  const spec = fieldsAt(object["spec"] ?? {}, place, fields);
  const pods = readSelector(spec["podSelector"] ?? {}, inside(place, "podSelector"), "pod", filter);
  const context = { namespace, filter };
  const ingress = readRules(spec["ingress"], "ingress", inside(place, "ingress"), context);
  const egress = readRules(spec["egress"], "egress", inside(place, "egress"), context);
  const types = readTypes(spec["policyTypes"], inside(place, "policyTypes"));
  const isOn = (type: string, otherwise: boolean): boolean =>
    types.length === 0 ? otherwise : types.includes(type);
  return {
    name,
    subject: inNamespace(namespace, pods),
    ...(isOn("Ingress", true) && { ingress }),
    ...(isOn("Egress", egress.length > 0) && { egress }),
  };
}

function readMetadata(input: unknown): { readonly namespace: string; readonly name: string } {
  const place = { path: "metadata" };
  const { namespace, name } = fieldsAt(input, place, METADATA);
  if (typeof namespace !== "string" || !NAMESPACE.test(namespace)) {
    throw invalid(
      inside(place, "namespace"),
      namespace,
      "is no namespace",
      "give the policy's, e.g. default",
    );
  }
  if (typeof name !== "string" || !NAME.test(name)) {
    throw invalid(inside(place, "name"), name, "is no name of an object", "give the policy's, e.g. web");
  }
  return { namespace, name: `${namespace}/${name}` };
}

function readTypes(input: unknown, place: Place): readonly string[] {
  const types = elementsAt(input, place, "Ingress and Egress");
  if (types.length > 2) throw invalid(place, input, "are more than there are", "write each type once");
  return types.map((type) => wordAt(type.input, type.place, ["Ingress", "Egress"], "policy type"));
}

function readRules(
  input: unknown,
  direction: PolicyDirection,
  place: Place,
  context: PeerContext,
): readonly PolicyRule[] {
  return elementsAt(input, place, "rules").flatMap((rule) =>
    readRule(rule.input, direction, rule.place, context),
  );
}

function readRule(
  input: unknown,
  direction: PolicyDirection,
  place: Place,
  context: PeerContext,
): readonly PolicyRule[] {
  const words: readonly string[] = PEERS[direction];
  const fields = fieldsAt(input, place, [...words, "ports"]);
  const used = words.filter((word) => fields[word] !== undefined);
  if (used.length > 1) throw invalid(place, input, `has ${used.join(" and ")}`, "name its peers once");
  const [word = words[0]!] = used;
  const peers = elementsAt(fields[word], inside(place, word), "peers").map((peer) =>
    readPeer(peer.input, peer.place, context),
  );
  const ports = elementsAt(fields["ports"], inside(place, "ports"), "ports").map((port) =>
    readPort(port.input, port.place),
  );
  return chunks(ports).map((some) => toRule(peers, some, place));
}

/** To Kubernetes, no peers are anyone and no ports every port. */
function toRule(peers: readonly PolicyPeer[], ports: readonly PolicyPort[], { path }: Place): PolicyRule {
  return { description: path, ...(peers.length > 0 && { peers }), ...(ports.length > 0 && { ports }) };
}

/** A rule takes so many ports; Kubernetes knows no limit. */
function chunks(ports: readonly PolicyPort[]): (readonly PolicyPort[])[] {
  if (ports.length <= MAX_PORTS_PER_RULE) return [ports];
  return [ports.slice(0, MAX_PORTS_PER_RULE), ...chunks(ports.slice(MAX_PORTS_PER_RULE))];
}
