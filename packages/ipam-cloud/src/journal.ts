import { isNetloomError, NetloomError, type Entry, type Json, type Random, type Store } from "@netloom/core";
import { isRace, quietly } from "@netloom/core/backend";
import type { CloudAction } from "./planning.ts";
import type { CloudNode } from "./provider.ts";

/** Below the backend's own prefix; then the node's name, then the intent's id. */
const INTENTS = "intents/";

/** What is about to be asked of the cloud. It stands in the store before it is asked, and until the outcome is known. */
export interface Intent {
  /** Goes to the cloud as token and tag. */
  readonly id: string;
  readonly node: CloudNode;
  readonly action: CloudAction;
  /** `abandoned`: will not be tried again; what it may have left is removed. */
  readonly step: "begun" | "abandoned";
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** An entry of the journal that is none. */
export interface CorruptIntent {
  /** As its key says: what bears it as a tag is somebody's. */
  readonly id: string;
  readonly error: NetloomError;
}

/** The open intents of a cluster, in its store. */
export class Journal {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #random: Random;

  /** @param prefix - the backend's own, ends in `/` */
  constructor(store: Store, prefix: string, random: Random) {
    this.#store = store;
    this.#prefix = `${prefix}${INTENTS}`;
    this.#random = random;
  }

  /**
   * Resolves when the store has it; where it rejects, nothing may be asked of the cloud. It may stand in the store all the
   * same where that did not say and does not show it.
   */
  async begin(node: CloudNode, action: CloudAction, at: number): Promise<Intent> {
    for (;;) {
      const intent: Intent = { id: this.#id(), node, action, step: "begun", at };
      try {
        await this.#store.create(this.#key(intent), toJson(intent));
        return intent;
      } catch (error) {
        if (isRace(error)) continue;
        const isThere = isNetloomError(error, "ERR_AMBIGUOUS") && (await this.#store.get(this.#key(intent)));
        if (isThere === false || isThere === undefined) throw error;
        return intent;
      }
    }
  }

  /** It will not be tried again, but what it left may still turn up. */
  async abandon(intent: Intent): Promise<Intent> {
    const abandoned: Intent = { ...intent, step: "abandoned" };
    const known = await this.#store.get(this.#key(intent));
    if (known === undefined) return abandoned;
    await quietly(this.#store.update(known.key, toJson(abandoned), { revision: known.revision }));
    return abandoned;
  }

  /** The outcome is known. Ending one that has ended is no error. */
  async end(intent: Intent): Promise<void> {
    await this.#store.delete(this.#key(intent));
  }

  /**
   * The open ones, oldest first.
   *
   * @param node - of all nodes where it is left out
   * @throws {@link NetloomError} `ERR_OBJECT_CORRUPT` where one cannot be read: what it does to the node is unknown.
   */
  async open(node?: string): Promise<readonly Intent[]> {
    const { intents, corrupt } = await this.read(node);
    for (const { error } of corrupt) throw error;
    return intents;
  }

  /** The open ones, oldest first, and those that cannot be read. @param node - of all nodes where it is left out */
  async read(node?: string): Promise<{
    readonly intents: readonly Intent[];
    readonly corrupt: readonly CorruptIntent[];
  }> {
    const prefix = node === undefined ? this.#prefix : `${this.#prefix}${node}/`;
    const { entries } = await this.#store.list(prefix);
    const intents: Intent[] = [];
    const corrupt: CorruptIntent[] = [];
    for (const entry of entries.toSorted((a, b) => a.created - b.created)) {
      const intent = fromEntry(entry);
      if (intent === undefined) corrupt.push(corruptOf(entry));
      else intents.push(intent);
    }
    return { intents, corrupt };
  }

  #key({ id, node }: Intent): string {
    return `${this.#prefix}${node.name}/${id}`;
  }

  #id(): string {
    const part = (): string =>
      Math.floor(this.#random.next() * 36 ** 8)
        .toString(36)
        .padStart(8, "0");
    return `netloom-${part()}${part()}`;
  }
}

function toJson({ id, node, action, step, at }: Intent): Json {
  return { id, node: { ...node }, action: action as unknown as Json, step, at };
}

function fromEntry({ value }: Entry): Intent | undefined {
  const intent = value as Partial<Intent> | null;
  const isIntent =
    typeof intent?.id === "string" &&
    typeof intent.action?.do === "string" &&
    typeof intent.node?.name === "string";
  return isIntent ? (value as unknown as Intent) : undefined;
}

function corruptOf({ key, value }: Entry): CorruptIntent {
  const error = new NetloomError("ERR_OBJECT_CORRUPT", `${key} is no intent`, {
    input: value,
    remedy: "see what the cloud has with its name as a tag, then delete it",
    backend: "cloud",
  });
  return { id: key.slice(key.lastIndexOf("/") + 1), error };
}
