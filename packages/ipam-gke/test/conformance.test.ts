import { cloudConformance } from "@netloom/conformance/cloud";
import { beforeAll, describe, it } from "vitest";
import { computeStage, sharedClients } from "./support/compute-stage.ts";

// Google's SDK takes its time to load, which is no check's.
beforeAll(sharedClients);

cloudConformance({ describe, it }, { create: () => computeStage(), versions: true });
