import { lifecycle } from "./store/lifecycle.ts";
import { lists } from "./store/lists.ts";
import { races } from "./store/races.ts";
import { sessions } from "./store/sessions.ts";
import { watches } from "./store/watches.ts";
import { writes } from "./store/writes.ts";
import type { Breaks } from "./store/broken-store.ts";

export { storeOptions } from "./store/broken-store.ts";

/** By the check that finds it. */
export const brokenStores: Breaks = {
  ...writes,
  ...lists,
  ...watches,
  ...sessions,
  ...races,
  ...lifecycle,
};
