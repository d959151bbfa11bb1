import { NetloomError } from "../errors.ts";
import { FactTables } from "../facts/fact-tables.ts";
import type { Keys } from "../facts/keys.ts";
import { assertName } from "../facts/names.ts";
import type { LabelSet, LabelTable } from "../labels/index.ts";
import { parsePolicy } from "../policy/parse.ts";
import type { NetworkPolicy } from "../policy/types.ts";
import type { Entry, Json, Listing } from "../ports/store.ts";
import { parseService } from "../service/parse.ts";
import type { Service } from "../service/types.ts";

/** A change that somebody thinks of. */
export type ProposedChange =
  | { readonly apply: "policy"; readonly object: NetworkPolicy }
  | { readonly apply: "service"; readonly object: Service }
  | { readonly remove: "policy" | "service"; readonly name: string }
  /** A pod's labels, and with them who it is. */
  | { readonly relabel: string; readonly labels: readonly string[] };

/** Bears the identities of label sets that nobody has yet: from the top of those of a cluster downwards. */
const FIRST_MADE_UP = 65_535;

/**
 * The facts as they would be after some changes.
 *
 * @throws `ERR_POLICY_INVALID`, `ERR_SERVICE_INVALID`, `ERR_LABEL_INVALID`, `ERR_ENDPOINT_NOT_FOUND`.
 */
export function proposedFacts(
  listing: Listing,
  changes: readonly ProposedChange[],
  options: {
    readonly keys: Keys;
    readonly labels: LabelTable;
    /** Which of a pod's labels make its identity. */
    readonly identityOf: (labels: LabelSet) => LabelSet;
    readonly report: (error: unknown) => void;
  },
): FactTables {
  const { keys } = options;
  const entries = new Map(listing.entries.map((entry) => [entry.key, entry]));
  const revision = listing.revision + 1;
  const put = (key: string, value: unknown): void => {
    const created = entries.get(key)?.created ?? revision;
    entries.set(key, { key, value: value as Json, created, revision });
  };
  for (const change of changes) {
    if ("relabel" in change) relabel(change, entries, put, options);
    else if ("remove" in change) entries.delete(keys[change.remove](assertName(change.name, change.remove)));
    else if (change.apply === "policy") put(keys.policy(parsePolicy(change.object).name), change.object);
    else put(keys.service(parseService(change.object).name), change.object);
  }
  const facts = new FactTables(options);
  facts.load({ entries: [...entries.values()], revision });
  return facts;
}

function relabel(
  { relabel: name, labels }: { readonly relabel: string; readonly labels: readonly string[] },
  entries: ReadonlyMap<string, Entry>,
  put: (key: string, value: unknown) => void,
  options: Parameters<typeof proposedFacts>[2],
): void {
  const { keys } = options;
  const wanted = options.identityOf(options.labels.fromStrings(labels));
  const endpoints = [...entries.values()].filter(({ key, value }) => {
    const { name: known, state } = value as { readonly name?: string; readonly state?: string };
    return key.startsWith(`${keys.state}endpoints/`) && known === name && state === "live";
  });
  if (endpoints.length === 0) {
    const remedy = "name a pod as its agent does, e.g. default/web";
    throw new NetloomError("ERR_ENDPOINT_NOT_FOUND", `there is no endpoint ${name}`, { input: name, remedy });
  }
  const same = [...entries.values()].find(({ key, value }) => {
    if (!key.startsWith(keys.identities)) return false;
    return options.labels.fromStrings((value as { readonly labels: readonly string[] }).labels) === wanted;
  });
  let identity = same === undefined ? FIRST_MADE_UP : Number(same.key.slice(keys.identities.length));
  if (same === undefined) {
    while (entries.has(keys.identity(identity))) identity--;
    put(keys.identity(identity), { labels: wanted.toStrings() });
  }
  for (const { key, value } of endpoints) put(key, { ...(value as object), labels, identity });
}
