import { ipamConformance } from "@netloom/conformance/ipam";
import { describe, it } from "vitest";
import { listed } from "../listed.ts";

const addresses = Array.from({ length: 10 }, (_, index) => `10.0.0.${index + 1}`);
ipamConformance({ describe, it }, { create: () => listed(addresses) });
