import { formatAddress, parseAddress } from "../address/index.ts";
import { isNetloomError, messageOf, NetloomError } from "../errors.ts";
import { assertName } from "../facts/names.ts";

/** A pod's binding: which addresses it has, who it is, where it lives. Written by its node's agent only. */
export interface EndpointFact {
  /** `namespace/name` or `name`, unique on its node. */
  readonly name: string;
  readonly node: string;
  /** 1 to 65535, unique on its node. */
  readonly id: number;
  /** Names this life of the endpoint: its key in the store, the owner of its lease. Never comes back. */
  readonly owner: string;
  /** All labels, also those that make no identity. */
  readonly labels: readonly string[];
  readonly identity: number;
  readonly addresses: readonly string[];
  readonly pool: string;
  /** `retired`: gone, but the addresses are not free before every datapath has acknowledged it. */
  readonly state: "live" | "retired";
  readonly netns: string;
  readonly interface: string;
}

/** @throws {@link NetloomError} `ERR_ENDPOINT_INVALID`. */
export function parseEndpoint(input: unknown): EndpointFact {
  const fact = (input ?? {}) as Record<keyof EndpointFact, unknown>;
  const name = assertName(fact.name, "endpoint");
  const text = (field: keyof EndpointFact): string => {
    const value = fact[field];
    if (typeof value === "string") return value;
    throw bad(name, `${field} is no text`, value);
  };
  const number = (field: "id" | "identity", most: number): number => {
    const value = fact[field];
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw bad(name, `${field} is no number from 1 to ${most}`, value);
  };
  const list = (field: "addresses" | "labels"): readonly string[] => {
    const value = fact[field];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw bad(name, `${field} is no list of texts`, value);
  };
  return {
    name,
    node: assertName(fact.node, "node"),
    id: number("id", 65_535),
    owner: text("owner"),
    labels: list("labels"),
    identity: number("identity", 0x01ff_ffff),
    addresses: list("addresses").map((address) => canonical(address, name)),
    pool: text("pool"),
    state: fact.state === "retired" ? "retired" : "live",
    netns: text("netns"),
    interface: text("interface"),
  };
}

function canonical(address: string, name: string): string {
  try {
    return formatAddress(parseAddress(address));
  } catch (error) {
    if (!isNetloomError(error)) throw error;
    throw bad(name, messageOf(error), address);
  }
}

function bad(name: string, what: string, input: unknown): NetloomError {
  return new NetloomError("ERR_ENDPOINT_INVALID", `endpoint ${name}: ${what}`, { input });
}
