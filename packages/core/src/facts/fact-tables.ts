import { isNetloomError, NetloomError } from "../errors.ts";
import { parseEndpoint, type EndpointFact } from "../endpoint/binding.ts";
import { isInForce, type IdentityRecord } from "../identity/store-allocator.ts";
import type { LabelSet, LabelTable } from "../labels/index.ts";
import { parseNode, type NodeFact } from "../node/node.ts";
import { parsePolicy, type Policy } from "../policy/parse.ts";
import type { Change, Entry, Json, Listing, Revision } from "../ports/store.ts";
import { parseService, type ParsedService } from "../service/parse.ts";
import type { Keys } from "./keys.ts";

/** A fact, and since when it is so. */
export interface Known<T> {
  readonly value: T;
  readonly created: Revision;
  readonly revision: Revision;
}

export interface FactKinds {
  readonly nodes: NodeFact;
  readonly endpoints: EndpointFact;
  readonly identities: LabelSet;
  readonly policies: Policy;
  readonly services: ParsedService;
}

export type FactKind = keyof FactKinds;

/** One row that changed; `after` is unset where it is gone. */
export type FactChange = {
  readonly [Kind in FactKind]: {
    readonly kind: Kind;
    /** What follows the kind in the store's key. */
    readonly key: string;
    readonly before: Known<FactKinds[Kind]> | undefined;
    readonly after: Known<FactKinds[Kind]> | undefined;
  };
}[FactKind];

type Rows = { readonly [Kind in FactKind]: Map<string, Known<FactKinds[Kind]>> };

/**
 * The cluster's facts as tables, read from the store and checked. What cannot be read is reported and changes nothing:
 * the row stays as it was last understood, so that a broken policy does not open what the one before it closed.
 */
export class FactTables {
  readonly #keys: Keys;
  readonly #labels: LabelTable;
  readonly #report: (error: unknown) => void;
  readonly #rows: Rows = {
    nodes: new Map(),
    endpoints: new Map(),
    identities: new Map(),
    policies: new Map(),
    services: new Map(),
  };
  /** Everything up to here has been read. */
  revision: Revision = 0;

  constructor(options: {
    readonly keys: Keys;
    readonly labels: LabelTable;
    readonly report: (error: unknown) => void;
  }) {
    this.#keys = options.keys;
    this.#labels = options.labels;
    this.#report = options.report;
  }

  get nodes(): ReadonlyMap<string, Known<NodeFact>> {
    return this.#rows.nodes;
  }

  /** By `node/owner`. */
  get endpoints(): ReadonlyMap<string, Known<EndpointFact>> {
    return this.#rows.endpoints;
  }

  get identities(): ReadonlyMap<string, Known<LabelSet>> {
    return this.#rows.identities;
  }

  get policies(): ReadonlyMap<string, Known<Policy>> {
    return this.#rows.policies;
  }

  get services(): ReadonlyMap<string, Known<ParsedService>> {
    return this.#rows.services;
  }

  /** Replaces everything, and says what that changed. */
  load(listing: Listing): FactChange[] {
    const changes: FactChange[] = [];
    const there = new Set(listing.entries.map(({ key }) => key));
    for (const kind of Object.keys(this.#rows) as FactKind[]) {
      for (const key of this.#rows[kind].keys()) {
        if (!there.has(`${this.#keys.state}${kind}/${key}`)) changes.push(...this.#remove(kind, key));
      }
    }
    for (const entry of listing.entries) changes.push(...this.#put(entry));
    this.revision = listing.revision;
    return changes;
  }

  /** Every row, as if it had just come. */
  changes(): FactChange[] {
    const kinds = Object.keys(this.#rows) as FactKind[];
    return kinds.flatMap((kind) =>
      [...this.#rows[kind]].map(([key, after]) => ({ kind, key, before: undefined, after }) as FactChange),
    );
  }

  apply(changes: readonly Change[], revision: Revision): FactChange[] {
    const out: FactChange[] = [];
    for (const change of changes) {
      if (change.type === "put") out.push(...this.#put(change.entry));
      else {
        const [kind, key] = this.#split(change.key);
        if (kind !== undefined) out.push(...this.#remove(kind, key));
      }
    }
    this.revision = revision;
    return out;
  }

  #put(entry: Entry): FactChange[] {
    const [kind, key] = this.#split(entry.key);
    if (kind === undefined) return [];
    const before = this.#rows[kind].get(key);
    if (before?.revision === entry.revision) return [];
    if (kind === "identities" && !isInForce(entry.value)) return this.#remove(kind, key);
    try {
      const value = this.#parse(kind, entry.value);
      const after = { value, created: entry.created, revision: entry.revision };
      (this.#rows[kind] as Map<string, unknown>).set(key, after);
      return [{ kind, key, before, after } as FactChange];
    } catch (error) {
      if (!isNetloomError(error)) throw error;
      const message = `${entry.key} at revision ${entry.revision} is ignored: ${error.message}`;
      this.#report(new NetloomError(error.code, message, { input: entry.value, cause: error }));
      return [];
    }
  }

  #remove(kind: FactKind, key: string): FactChange[] {
    const before = this.#rows[kind].get(key);
    if (before === undefined) return [];
    this.#rows[kind].delete(key);
    return [{ kind, key, before, after: undefined } as FactChange];
  }

  #parse(kind: FactKind, value: Json): FactKinds[FactKind] {
    switch (kind) {
      case "nodes":
        return parseNode(value);
      case "endpoints":
        return parseEndpoint(value);
      case "identities":
        return this.#labels.fromStrings((value as unknown as IdentityRecord).labels);
      case "policies":
        return parsePolicy(value);
      case "services":
        return parseService(value);
    }
  }

  #split(key: string): [FactKind, string] | [undefined, string] {
    const rest = key.slice(this.#keys.state.length);
    const slash = rest.indexOf("/");
    const kind = rest.slice(0, slash);
    return kind in this.#rows ? [kind as FactKind, rest.slice(slash + 1)] : [undefined, rest];
  }
}
