import { datapathConformance } from "@netloom/conformance/datapath";
import { memoryDatapath } from "@netloom/core/memory";
import { describe, it } from "vitest";

datapathConformance({ describe, it }, { create: () => memoryDatapath() });
