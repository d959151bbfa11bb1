import { afterAll, describe, it } from "vitest";
import { KernelBenches } from "./support/kernel-bench.ts";
import { mustSkip } from "./support/permitted.ts";
import { conntrack } from "./walk/conntrack.ts";
import { policy } from "./walk/policy.ts";
import { established } from "./walk/established.ts";
import { icmpWalks } from "./walk/icmp.ts";
import { arrivals } from "./walk/arrivals.ts";
import { services } from "./walk/services.ts";
import { fragments } from "./walk/fragments.ts";
import { serviceReplies } from "./walk/service-replies.ts";
import { masquerade } from "./walk/masquerade.ts";
import { masqueradePorts } from "./walk/masquerade-ports.ts";
import { events } from "./walk/events.ts";
import { policyDirections } from "./walk/policy-directions.ts";
import { delivery } from "./walk/delivery.ts";
import { links } from "./walk/links.ts";

describe.skipIf(mustSkip("the packet walk in the kernel"))("the packet walk in the kernel", () => {
  const benches = new KernelBenches();
  afterAll(() => benches[Symbol.asyncDispose]());

  for (const suite of [
    links,
    delivery,
    conntrack,
    policy,
    policyDirections,
    established,
    icmpWalks,
    arrivals,
    services,
    serviceReplies,
    fragments,
    masquerade,
    masqueradePorts,
    events,
  ])
    suite({ describe, it }, benches.create);
});
