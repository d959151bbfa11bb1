import { cloudConformance } from "@netloom/conformance/cloud";
import { describe, it } from "vitest";
import { wiredStage } from "./support/stage.ts";

cloudConformance({ describe, it }, { create: wiredStage });
