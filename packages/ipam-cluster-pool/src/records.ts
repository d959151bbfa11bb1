import {
  formatCidr,
  isNetloomError,
  NetloomError,
  parseCidr,
  type Cidr,
  type Entry,
  type Family,
  type Json,
} from "@netloom/core";

export const NAME = "cluster-pool";

/**
 * Where everything stands, below the backend's own prefix:
 *
 * - `pools/<name>`: a pool, as the operators agreed on it. Grows, never shrinks.
 * - `requests/<node>`: how many blocks a node wants. Written by the node.
 * - `claims/<cidr>`: whose a block is. Made by an operator, only if absent; confirmed by its node before it is used;
 *   deleted by an operator at the revision it was when the node was found gone. This key alone decides.
 */
export const POOLS = "pools/";
export const REQUESTS = "requests/";
export const CLAIMS = "claims/";

export interface PoolRecord {
  readonly cidrs: readonly Cidr[];
  /** Prefix length of a node's block, by family. */
  readonly blockPrefix: Readonly<Partial<Record<Family, number>>>;
}

export interface RequestRecord {
  readonly pool: string;
  /** How many blocks of each family it wants to have. */
  readonly blocks: Readonly<Partial<Record<Family, number>>>;
}

export interface ClaimRecord {
  readonly cidr: Cidr;
  readonly node: string;
  readonly pool: string;
}

export function poolToJson({ cidrs, blockPrefix }: PoolRecord): Json {
  return { cidrs: cidrs.map(formatCidr), blockPrefix: byFamily(blockPrefix) };
}

export function requestToJson({ pool, blocks }: RequestRecord): Json {
  return { pool, blocks: byFamily(blocks) };
}

/** @param confirmed - how often its node has taken it up: makes each time a new revision. */
export function claimToJson({ node, pool }: Omit<ClaimRecord, "cidr">, confirmed: number): Json {
  return { node, pool, confirmed };
}

/** @throws {@link NetloomError} `ERR_POOL_INVALID`. */
export function readPool(entry: Entry): PoolRecord {
  return read(entry, (value) => ({
    cidrs: list(value["cidrs"]).map(parseCidr),
    blockPrefix: families(value["blockPrefix"]),
  }));
}

/** @throws {@link NetloomError} `ERR_POOL_INVALID`. */
export function readRequest(entry: Entry): RequestRecord {
  return read(entry, (value) => ({ pool: text(value["pool"]), blocks: families(value["blocks"]) }));
}

/** @throws {@link NetloomError} `ERR_POOL_INVALID`. */
export function readClaim(entry: Entry): ClaimRecord {
  const cidr = entry.key.slice(entry.key.indexOf(CLAIMS) + CLAIMS.length);
  return read(entry, (value) => ({
    cidr: parseCidr(cidr),
    node: text(value["node"]),
    pool: text(value["pool"]),
  }));
}

/** How often a claim was confirmed before. */
export function confirmations(entry: Entry): number {
  const { confirmed } = entry.value as { readonly confirmed?: unknown };
  return typeof confirmed === "number" ? confirmed : 0;
}

function read<T>(entry: Entry, parse: (value: Record<string, unknown>) => T): T {
  try {
    return parse((entry.value ?? {}) as Record<string, unknown>);
  } catch (error) {
    if (!isNetloomError(error) && !(error instanceof TypeError)) throw error;
    throw new NetloomError("ERR_POOL_INVALID", `${entry.key} cannot be read: ${error.message}`, {
      input: entry.value,
      remedy: "delete it, or write it as it was",
      backend: NAME,
      cause: error,
    });
  }
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(`${JSON.stringify(value)} is no text`);
}

function list(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(text);
  throw new TypeError(`${JSON.stringify(value)} is no list`);
}

function families(value: unknown): Partial<Record<Family, number>> {
  const { ipv4, ipv6 } = (value ?? {}) as { readonly ipv4?: unknown; readonly ipv6?: unknown };
  return { ...count(4, ipv4), ...count(6, ipv6) };
}

function count(family: Family, value: unknown): Partial<Record<Family, number>> {
  if (value === undefined) return {};
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return { [family]: value };
  throw new TypeError(`${JSON.stringify(value)} is no whole number`);
}

function byFamily(numbers: Readonly<Partial<Record<Family, number>>>): Json {
  return {
    ...(numbers[4] === undefined ? {} : { ipv4: numbers[4] }),
    ...(numbers[6] === undefined ? {} : { ipv6: numbers[6] }),
  };
}
