import { cloudConformance } from "@netloom/conformance/cloud";
import { describe, it } from "vitest";
import { wiredStage } from "./support/stage.ts";

describe("machines on their own", () => {
  cloudConformance({ describe, it }, { create: () => wiredStage("standalone"), versions: true });
});

describe("machines of scale sets", () => {
  cloudConformance({ describe, it }, { create: () => wiredStage("scale-set"), versions: true });
});
