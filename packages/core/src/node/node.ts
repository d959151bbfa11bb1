import { formatAddress, formatCidr, parseAddress, parseCidr, type Family } from "../address/index.ts";
import { isNetloomError, messageOf, NetloomError } from "../errors.ts";
import type { Json } from "../ports/store.ts";
import { assertName } from "../facts/names.ts";

/** A node of the cluster, as its agent announces it. */
export interface NodeFact {
  readonly name: string;
  /** Towards the fabric, one of each family at most. */
  readonly addresses: readonly string[];
  /** What its IPAM hands out from; empty until it knows. */
  readonly podCIDRs: readonly string[];
  /** The addresses in its pod CIDRs that the node itself has, one of each family at most. */
  readonly routers: readonly string[];
}

/** @throws {@link NetloomError} `ERR_NODE_INVALID`. */
export function parseNode(input: unknown): NodeFact {
  const node = (input ?? {}) as Partial<Record<keyof NodeFact, unknown>>;
  const name = assertName(node.name, "node");
  const addresses = texts(node.addresses, "addresses", name, (text) => formatAddress(parseAddress(text)));
  if (addresses.length === 0) {
    throw new NetloomError("ERR_NODE_INVALID", `node ${name} has no address`, {
      input,
      remedy: "give the address by which other nodes reach it",
    });
  }
  oneOfEachFamily(addresses, "addresses", name);
  const routers = texts(node.routers ?? [], "routers", name, (text) => formatAddress(parseAddress(text)));
  oneOfEachFamily(routers, "routers", name);
  const podCIDRs = texts(node.podCIDRs ?? [], "podCIDRs", name, (text) => formatCidr(parseCidr(text)));
  return { name, addresses, podCIDRs, routers };
}

export function nodeToJson(node: NodeFact): Json {
  return { ...node };
}

/** The one of a family, if there is one. */
export function ofFamily(addresses: readonly string[], family: Family): string | undefined {
  return addresses.find((address) => address.includes(":") === (family === 6));
}

function texts(
  input: unknown,
  field: string,
  node: string,
  canonical: (text: string) => string,
): readonly string[] {
  if (!Array.isArray(input)) {
    throw new NetloomError("ERR_NODE_INVALID", `node ${node}: ${field} is no list`, {
      input,
      remedy: "write a list",
    });
  }
  return input.map((text: unknown) => {
    try {
      return canonical(text as string);
    } catch (error) {
      if (!isNetloomError(error)) throw error;
      throw new NetloomError("ERR_NODE_INVALID", `node ${node}: ${field}: ${messageOf(error)}`, {
        input: text,
        cause: error,
      });
    }
  });
}

function oneOfEachFamily(addresses: readonly string[], field: string, node: string): void {
  const v6 = addresses.filter((address) => address.includes(":")).length;
  if (v6 <= 1 && addresses.length - v6 <= 1) return;
  throw new NetloomError("ERR_NODE_INVALID", `node ${node}: ${field} has two of one family`, {
    input: addresses,
    remedy: "give one IPv4 and one IPv6 address at most",
  });
}
