// Run by runners.test.ts: three kits under Node's own test runner.
import { describe, it } from "node:test";
import { ipamConformance } from "@netloom/conformance/ipam";
import { routingConformance } from "@netloom/conformance/routing";
import { storeConformance } from "@netloom/conformance/store";
import { memoryStore } from "@netloom/core/memory";
import { hostScope } from "@netloom/ipam-host-scope";
import { vxlan } from "@netloom/routing-vxlan";

storeConformance(
  { describe, it },
  {
    create: () => memoryStore(),
    compact: (store) => store.compact(),
    expire: (store, session) => store.expire(session),
  },
);
ipamConformance({ describe, it }, { create: () => hostScope() });
routingConformance({ describe, it }, { create: () => vxlan() });
