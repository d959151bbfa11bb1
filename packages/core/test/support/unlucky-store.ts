import { NetloomError, type Store } from "../../src/index.ts";

export type Luck = "lost" | "unavailable" | "fine";

/** A store whose next call of a kind, on a key that matches, has the luck that was dealt to it. */
export class UnluckyStore {
  readonly store: Store;
  readonly #dealt: { readonly call: string; readonly key: RegExp; luck: Luck; left: number }[] = [];

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (target, property) => {
        const method = Reflect.get(target, property, target) as unknown;
        if (typeof method !== "function") return method;
        const act = (method as (...of: unknown[]) => unknown).bind(target);
        if (!["get", "list", "create", "update", "delete"].includes(String(property))) return act;
        return async (...parameters: unknown[]): Promise<unknown> => {
          const luck = this.#luckOf(String(property), String(parameters[0]));
          if (luck === "unavailable") throw new NetloomError("ERR_STORE_UNAVAILABLE", "no answer");
          const answer = await act(...parameters);
          if (luck === "lost") throw new NetloomError("ERR_AMBIGUOUS", "the answer was lost");
          return answer;
        };
      },
    });
  }

  /** `unavailable`: nothing happens. `lost`: it happens, and the answer is lost. */
  deal(call: "create" | "update" | "delete" | "list" | "get", key: RegExp, luck: Luck, times = 1): void {
    this.#dealt.push({ call, key, luck, left: times });
  }

  #luckOf(call: string, key: string): Luck {
    const dealt = this.#dealt.find((one) => one.left > 0 && one.call === call && one.key.test(key));
    if (dealt === undefined) return "fine";
    dealt.left--;
    return dealt.luck;
  }
}
