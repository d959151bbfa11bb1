import { NetloomError, type Json, type Revision, type Store } from "@netloom/core";
import { isRace } from "@netloom/core/backend";

/** Below the backend's own prefix; then the node's name. */
export const NODES = "nodes/";

interface Known {
  readonly ranges: readonly string[];
  /** Written by a life of this instance. */
  readonly own: boolean;
  readonly life: unknown;
  readonly revision: Revision | undefined;
}

/**
 * The ranges that a node has taken up, in their order: it must be the same after a restart. Written before a range is used
 * and before one is given back. Whoever has written last is the node: one that was it before gets and gives back nothing more.
 */
export class NodeRecord {
  readonly #store: Store;
  readonly #key: string;
  readonly #instance: string;
  readonly #life: string;
  #hasWritten = false;

  /** @param life - no two processes have the same */
  constructor(store: Store, prefix: string, node: string, instance: string, life: string) {
    this.#store = store;
    this.#key = `${prefix}${NODES}${node}`;
    this.#instance = instance;
    this.#life = life;
  }

  /** `undefined` where this instance has written nothing yet, whatever another of its name has. */
  async load(): Promise<readonly string[] | undefined> {
    const { ranges, own } = await this.#read();
    return own ? ranges : undefined;
  }

  /** @throws `ERR_IPAM_CONFLICT` where another process has become the node meanwhile. */
  async save(ranges: readonly string[]): Promise<void> {
    const value: Json = { instance: this.#instance, life: this.#life, ranges };
    for (;;) {
      const known = await this.#read();
      const isMine = known.own && known.life === this.#life;
      if (this.#hasWritten && known.revision !== undefined && !isMine) throw this.#replaced();
      if (isMine && known.ranges.join() === ranges.join()) return;
      try {
        if (known.revision === undefined) await this.#store.create(this.#key, value);
        else await this.#store.update(this.#key, value, { revision: known.revision });
        this.#hasWritten = true;
        return;
      } catch (error) {
        if (!isRace(error)) throw error;
      }
    }
  }

  async #read(): Promise<Known> {
    const entry = await this.#store.get(this.#key);
    const value = entry?.value as { readonly [name in "instance" | "life" | "ranges"]?: unknown } | undefined;
    const own = value?.instance === this.#instance && Array.isArray(value.ranges);
    return {
      ranges: own ? (value.ranges as string[]) : [],
      own,
      life: value?.life,
      revision: entry?.revision,
    };
  }

  #replaced(): NetloomError {
    const node = this.#key.slice(this.#key.lastIndexOf("/") + 1);
    return new NetloomError("ERR_IPAM_CONFLICT", `another agent has become node ${node}`, {
      input: node,
      remedy: "stop one of the two: this one gets no more addresses and gives none back",
      backend: "cloud",
    });
  }
}
