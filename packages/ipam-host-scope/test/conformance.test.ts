import { ipamConformance } from "@netloom/conformance/ipam";
import { hostScope } from "@netloom/ipam-host-scope";
import { describe, it } from "vitest";

ipamConformance({ describe, it }, { create: () => hostScope() });
