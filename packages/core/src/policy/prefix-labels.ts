import { formatCidr, hostCidr, parseAddress, parseCidr, type Cidr } from "../address/index.ts";
import { isNetloomError } from "../errors.ts";
import type { LabelSet } from "../labels/index.ts";

/** Source of the labels that say inside which prefix somebody's address is: `cidr:10.244.0.0/16`. */
const SOURCE = "cidr";

/**
 * The label by which an endpoint says that its address is inside a prefix (or is this address): what policies with
 * `endpoints: true` go by. It is part of the endpoint's identity: a prefix that all of them share costs nothing, an
 * address of its own gives each an identity of its own.
 *
 * Colons mean something else in a label, so IPv6 has hyphens, as in Cilium: `cidr:2001-db8--0/32`.
 *
 * @throws {@link NetloomError} `ERR_CIDR_INVALID`, `ERR_ADDRESS_INVALID`
 */
export function prefixLabel(prefix: string): string {
  const cidr = prefix.includes("/") ? parseCidr(prefix) : hostCidr(parseAddress(prefix));
  return labelOf(formatCidr(cidr));
}

/** As {@link prefixLabel}, of a prefix in canonical form. */
export function labelOf(prefix: string): string {
  // A key begins with a letter or a digit.
  const text = prefix.replace(/^::/, "0::").replace("::/", "::0/");
  return `${SOURCE}:${text.replaceAll(":", "-")}`;
}

/** The prefixes that a set of labels says, the narrowest only where one is inside another. */
export function prefixesOf(labels: LabelSet): readonly Cidr[] {
  const said: Cidr[] = [];
  for (const { source, key } of labels) {
    const cidr = source === SOURCE ? readKey(key) : undefined;
    if (cidr !== undefined) said.push(cidr);
  }
  return said.filter((one) => !said.some((other) => other !== one && one.containsCidr(other)));
}

/** Anybody may write labels: what is no prefix says nothing. */
function readKey(key: string): Cidr | undefined {
  try {
    return parseCidr(key.replaceAll("-", ":"));
  } catch (error) {
    if (isNetloomError(error)) return undefined;
    throw error;
  }
}
