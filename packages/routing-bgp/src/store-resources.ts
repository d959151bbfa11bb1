import {
  isNetloomError,
  messageOf,
  NetloomError,
  type Change,
  type Entry,
  type Listing,
} from "@netloom/core";
import {
  parseAdvertisement,
  parseClusterConfig,
  parseNodeOverride,
  parsePeerConfig,
  type BgpResources,
} from "./resources/index.ts";
import { noText } from "./secrets.ts";

/**
 * Where the configuration stands in the backend's part of the store. What nodes say of themselves is beside it: else each
 * would hear of all others.
 */
export const CONFIGURATION = "config/";

/** `<kind>/<name>`. */
const RESOURCE_KINDS = {
  clusterConfigs: "cluster-configs",
  peerConfigs: "peer-configs",
  advertisements: "advertisements",
  nodeOverrides: "node-overrides",
} as const;

/** Passwords, as texts. Only where no function was given to look them up. */
const SECRETS = "secrets";

type Kind = keyof typeof RESOURCE_KINDS;

interface Row {
  readonly value: BgpResources[Kind][number];
  readonly created: number;
  readonly revision: number;
}

const PARSERS: { readonly [K in Kind]: (input: unknown) => BgpResources[K][number] } = {
  clusterConfigs: parseClusterConfig,
  peerConfigs: parsePeerConfig,
  advertisements: parseAdvertisement,
  nodeOverrides: parseNodeOverride,
};

/**
 * The resources in the store, checked. What cannot be read is reported and changes nothing: the row stays as it was last
 * understood, so that a slip of the hand ends no session.
 */
export class StoreResources {
  readonly #prefix: string;
  readonly #report: (error: unknown) => void;
  readonly #rows = new Map<string, Row>();
  readonly #secrets = new Map<string, string>();

  /** @param prefix - ends in `/`. */
  constructor(prefix: string, report: (error: unknown) => void) {
    this.#prefix = prefix;
    this.#report = report;
  }

  /** Of two cluster configurations for a node the older counts. */
  get resources(): BgpResources {
    const of = <K extends Kind>(kind: K): BgpResources[K] => {
      const start = `${RESOURCE_KINDS[kind]}/`;
      return [...this.#rows]
        .filter(([key]) => key.startsWith(start))
        .sort(([a, { created: first }], [b, { created: second }]) => first - second || (a < b ? -1 : 1))
        .map(([, { value }]) => value) as unknown as BgpResources[K];
    };
    return {
      clusterConfigs: of("clusterConfigs"),
      peerConfigs: of("peerConfigs"),
      advertisements: of("advertisements"),
      nodeOverrides: of("nodeOverrides"),
    };
  }

  secret(name: string): string | undefined {
    return this.#secrets.get(name);
  }

  /** Replaces everything. @returns whether anything is different */
  load({ entries }: Listing): boolean {
    const there = new Set(entries.map(({ key }) => key.slice(this.#prefix.length)));
    const gone = [
      ...this.#rows.keys(),
      ...[...this.#secrets.keys()].map((name) => `${SECRETS}/${name}`),
    ].filter((key) => !there.has(key));
    const changed = [...gone.map((key) => this.#remove(key)), ...entries.map((entry) => this.#put(entry))];
    return changed.includes(true);
  }

  /** @returns whether anything is different */
  apply(changes: readonly Change[]): boolean {
    const changed = changes.map((change) =>
      change.type === "put" ? this.#put(change.entry) : this.#remove(change.key.slice(this.#prefix.length)),
    );
    return changed.includes(true);
  }

  #put(entry: Entry): boolean {
    const key = entry.key.slice(this.#prefix.length);
    const [folder, name] = split(key);
    if (folder === SECRETS) return this.#putSecret(name, entry.value);
    const kind = (Object.keys(RESOURCE_KINDS) as Kind[]).find((one) => RESOURCE_KINDS[one] === folder);
    if (kind === undefined || this.#rows.get(key)?.revision === entry.revision) return false;
    try {
      const value = PARSERS[kind](entry.value);
      if (value.name !== name) throw misnamed(value.name);
      this.#rows.set(key, { value, created: entry.created, revision: entry.revision });
      return true;
    } catch (error) {
      if (!isNetloomError(error)) throw error;
      const message = `${entry.key} at revision ${entry.revision} is ignored: ${messageOf(error)}`;
      this.#report(
        new NetloomError(error.code, message, { input: entry.value, backend: "bgp", cause: error }),
      );
      return false;
    }
  }

  #putSecret(name: string, value: unknown): boolean {
    if (typeof value !== "string") {
      this.#report(noText(name));
      return false;
    }
    const changed = this.#secrets.get(name) !== value;
    this.#secrets.set(name, value);
    return changed;
  }

  #remove(key: string): boolean {
    const [folder, name] = split(key);
    return folder === SECRETS ? this.#secrets.delete(name) : this.#rows.delete(key);
  }
}

function split(key: string): readonly [folder: string, name: string] {
  const slash = key.indexOf("/");
  return [key.slice(0, slash), key.slice(slash + 1)];
}

function misnamed(name: string): NetloomError {
  const remedy = "store it under its name";
  return new NetloomError("ERR_BGP_INVALID", `it says that its name is ${name}`, { remedy, backend: "bgp" });
}
