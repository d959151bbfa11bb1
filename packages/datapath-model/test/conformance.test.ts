import { datapathConformance } from "@netloom/conformance/datapath";
import { modelDatapath } from "@netloom/datapath-model";
import { describe, it } from "vitest";

datapathConformance(
  { describe, it },
  // Its state is this process's: the next agent's datapath is the same.
  { create: () => modelDatapath(), successor: (datapath) => datapath },
);
