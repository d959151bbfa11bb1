import { storeConformance } from "@netloom/conformance/store";
import { memoryStore } from "@netloom/core/memory";
import { describe, it } from "vitest";

storeConformance(
  { describe, it },
  {
    create: () => memoryStore(),
    compact: (store) => store.compact(),
    expire: (store, session) => store.expire(session),
  },
);
