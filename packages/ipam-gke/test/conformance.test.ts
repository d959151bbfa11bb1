import { cloudConformance } from "@netloom/conformance/cloud";
import { describe, it } from "vitest";
import { computeStage } from "./support/compute-stage.ts";

cloudConformance({ describe, it }, { create: () => computeStage(), versions: true });
