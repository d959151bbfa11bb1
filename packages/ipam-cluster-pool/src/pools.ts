import {
  BlockPool,
  formatCidr,
  isNetloomError,
  NetloomError,
  parseCidr,
  type Cidr,
  type Family,
} from "@netloom/core";
import { NAME, type PoolRecord } from "./records.ts";

/** A pool, as the operator is told of it. */
export interface PoolDefinition {
  /** What nodes ask for; `default` where they ask for nothing. */
  readonly name: string;
  /** More may be appended later; none may be taken away or changed. */
  readonly cidrs: readonly string[];
  /**
   * Prefix length of a node's block: at most 16 bits longer than the shortest of `cidrs`. Never changes.
   * @defaultValue 24 for IPv4, 120 for IPv6
   */
  readonly blockPrefix?: { readonly ipv4?: number; readonly ipv6?: number };
}

const NAME_OF_POOL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** @throws {@link NetloomError} `ERR_POOL_INVALID`, `ERR_POOL_OVERLAP`. */
export function parsePools(definitions: readonly PoolDefinition[]): ReadonlyMap<string, PoolRecord> {
  const pools = new Map<string, PoolRecord>();
  if (definitions.length === 0) throw invalid("pools", definitions, "is empty", "name at least one pool");
  for (const { name, cidrs: texts, blockPrefix } of definitions) {
    if (typeof name !== "string" || !NAME_OF_POOL.test(name)) {
      throw invalid("pool", name, "has no proper name", "write lower-case letters, digits and '-'");
    }
    if (pools.has(name)) throw invalid(`pool ${name}`, name, "is there twice", "give each pool its own name");
    const cidrs = texts.map((text) => inPool(name, () => parseCidr(text)));
    if (cidrs.length === 0) throw invalid(`pool ${name}`, texts, "has no CIDR", "give it one");
    const pool: PoolRecord = {
      cidrs,
      blockPrefix: {
        ...(cidrs.some(({ family }) => family === 4) ? { 4: blockPrefix?.ipv4 ?? 24 } : {}),
        ...(cidrs.some(({ family }) => family === 6) ? { 6: blockPrefix?.ipv6 ?? 120 } : {}),
      },
    };
    inPool(name, () => blockPools(pool)); // sizes and overlaps within
    assertApart(name, pool, pools);
    pools.set(name, pool);
  }
  return pools;
}

/** Empty block pools of each family. @throws {@link NetloomError} `ERR_POOL_INVALID`, `ERR_POOL_OVERLAP`. */
export function blockPools({ cidrs, blockPrefix }: PoolRecord): ReadonlyMap<Family, BlockPool> {
  const pools = new Map<Family, BlockPool>();
  for (const family of [4, 6] as const) {
    const prefix = blockPrefix[family];
    const own = cidrs.filter((cidr) => cidr.family === family);
    if (prefix !== undefined) pools.set(family, new BlockPool(family, prefix, own));
  }
  return pools;
}

/**
 * What a pool is after the operator's definition has been added to what the store says of it.
 *
 * @throws {@link NetloomError} `ERR_POOL_INVALID` where that would take something away or change its blocks.
 */
export function appended(name: string, known: PoolRecord, wanted: PoolRecord): PoolRecord {
  const missing = known.cidrs.find((cidr) => !wanted.cidrs.some((other) => other.equals(cidr)));
  if (missing !== undefined) {
    const what = `lacks ${formatCidr(missing)}, of which nodes may have blocks`;
    throw invalid(
      `pool ${name}`,
      wanted.cidrs.map(formatCidr),
      what,
      "put it back; CIDRs can only be appended",
    );
  }
  for (const family of [4, 6] as const) {
    const [before, after] = [known.blockPrefix[family], wanted.blockPrefix[family]];
    if (before !== undefined && after !== undefined && before !== after) {
      const what = `has blocks of /${after}, and nodes have /${before} of it`;
      throw invalid(`pool ${name}`, after, what, "keep the size, or make another pool");
    }
  }
  const fresh = wanted.cidrs.filter((cidr) => !known.cidrs.some((other) => other.equals(cidr)));
  return { cidrs: [...known.cidrs, ...fresh], blockPrefix: { ...known.blockPrefix, ...wanted.blockPrefix } };
}

/** @throws {@link NetloomError} `ERR_POOL_OVERLAP`. */
export function assertApart(name: string, pool: PoolRecord, others: ReadonlyMap<string, PoolRecord>): void {
  for (const [other, { cidrs }] of others) {
    if (other === name) continue;
    const pair = firstOverlap(pool.cidrs, cidrs);
    if (pair === undefined) continue;
    const message = `${formatCidr(pair[0])} of pool ${name} overlaps ${formatCidr(pair[1])} of pool ${other}`;
    throw new NetloomError("ERR_POOL_OVERLAP", message, {
      input: formatCidr(pair[0]),
      remedy: "pools must be apart",
      backend: NAME,
    });
  }
}

function firstOverlap(a: readonly Cidr[], b: readonly Cidr[]): readonly [Cidr, Cidr] | undefined {
  for (const one of a) {
    const other = b.find((cidr) => cidr.overlaps(one));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

function inPool<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!isNetloomError(error)) throw error;
    const code = error.code === "ERR_POOL_OVERLAP" ? error.code : "ERR_POOL_INVALID";
    throw new NetloomError(code, `pool ${name}: ${error.message}`, {
      input: error.input,
      backend: NAME,
      cause: error,
    });
  }
}

function invalid(where: string, input: unknown, what: string, remedy: string): NetloomError {
  return new NetloomError("ERR_POOL_INVALID", `${where} ${what}`, { input, remedy, backend: NAME });
}
