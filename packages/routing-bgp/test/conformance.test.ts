import { bgp, localDriver } from "@netloom/routing-bgp";
import { routingConformance } from "@netloom/conformance/routing";
import { describe, it } from "vitest";
import { fakeSpeakers } from "./support/fake-speaker.ts";

const { createSpeaker } = fakeSpeakers();
routingConformance(
  { describe, it },
  {
    create: () => bgp({ asn: 65_001, peers: [], driver: () => localDriver(createSpeaker) }),
    tunnels: false,
  },
);
