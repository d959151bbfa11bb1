import { routingConformance } from "@netloom/conformance/routing";
import { vxlan } from "@netloom/routing-vxlan";
import { describe, it } from "vitest";

routingConformance({ describe, it }, { create: () => vxlan() });
