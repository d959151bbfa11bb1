import { cidrAround, formatCidr, parseAddress, type Cidr } from "../address/index.ts";
import type { LabelFilter } from "../labels/index.ts";
import { inside, invalid, parsedAt, type Place } from "../policy/parse-input.ts";
import type { PolicyPeer } from "../policy/types.ts";
import { elementsAt, fieldsAt } from "./fields.ts";
import { inNamespace, inNamespaces, readSelector, type PodSelector } from "./selector.ts";

const EVERY_POD: PodSelector = { matchLabels: {}, matchExpressions: [] };

export interface PeerContext {
  /** Of the policy: whose pods a `podSelector` alone selects. */
  readonly namespace: string;
  readonly filter: LabelFilter;
}

export function readPeer(input: unknown, place: Place, context: PeerContext): PolicyPeer {
  const { podSelector, namespaceSelector, ipBlock } = fieldsAt(input, place, [
    "podSelector",
    "namespaceSelector",
    "ipBlock",
  ]);
  if (podSelector === undefined && namespaceSelector === undefined && ipBlock === undefined) {
    throw invalid(place, input, "names no one", "give podSelector, namespaceSelector, both, or ipBlock");
  }
  if (ipBlock === undefined) return { selector: readPods(podSelector, namespaceSelector, place, context) };
  if (podSelector === undefined && namespaceSelector === undefined) {
    return readBlock(ipBlock, inside(place, "ipBlock"));
  }
  throw invalid(place, input, "is a selector and an ipBlock at once", "make two peers of it");
}

function readPods(pods: unknown, namespaces: unknown, place: Place, context: PeerContext) {
  const { namespace, filter } = context;
  const podSelector =
    pods === undefined ? EVERY_POD : readSelector(pods, inside(place, "podSelector"), "pod", filter);
  if (namespaces === undefined) return inNamespace(namespace, podSelector);
  const at = inside(place, "namespaceSelector");
  return inNamespaces(readSelector(namespaces, at, "namespace", filter), podSelector);
}

/** In Kubernetes a block holds whoever has an address in it, pods too. */
function readBlock(input: unknown, place: Place): PolicyPeer {
  const fields = fieldsAt(input, place, ["cidr", "except"]);
  const cidr = readCidr(fields["cidr"], inside(place, "cidr"));
  const except = elementsAt(fields["except"], inside(place, "except"), "CIDRs").map(({ input, place }) => {
    const hole = readCidr(input, place);
    if (cidr.containsCidr(hole) && !cidr.equals(hole)) return formatCidr(hole);
    const remedy = "except only parts of the block's cidr";
    throw invalid(place, input, `is not strictly inside ${formatCidr(cidr)}`, remedy);
  });
  return { cidr: formatCidr(cidr), ...(except.length > 0 && { except }), endpoints: true };
}

/** Kubernetes takes any address of the block for its first. */
function readCidr(input: unknown, place: Place): Cidr {
  const [, address, length] = (typeof input === "string" && /^([^/]+)\/(\d{1,3})$/.exec(input)) || [];
  if (address === undefined || length === undefined) {
    throw invalid(place, input, "is no CIDR", "write e.g. 10.0.0.0/8 or 2001:db8::/32");
  }
  return parsedAt(place, () => cidrAround(parseAddress(address), Number(length)));
}
