import { identityConformance } from "@netloom/conformance/identity";
import { describe, it } from "vitest";
import { Keys } from "../../src/facts/keys.ts";
import { IdentityCollector } from "../../src/identity/collect.ts";
import { StoreIdentities } from "../../src/identity/store-allocator.ts";
import { LabelTable } from "../../src/labels/index.ts";

const keys = new Keys();

identityConformance(
  { describe, it },
  {
    create: ({ runtime: { random }, ...context }) =>
      new StoreIdentities({ ...context, random, keys, labels: new LabelTable() }),
    async collect(store) {
      const collector = new IdentityCollector({ store, keys });
      for (let pass = 0; pass < 2; pass++) await collector.pass();
    },
  },
);
