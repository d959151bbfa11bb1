import { cloudConformance } from "@netloom/conformance/cloud";
import { awsLike, azureLike, gcpLike, simStage } from "@netloom/sim-cloud";
import { describe, it } from "vitest";

const permission = (service: string) => ({ permission: (action: string) => `${service}${action}` });

cloudConformance({ describe, it }, { create: () => simStage(awsLike, permission("ec2:")) });
cloudConformance(
  { describe, it },
  { create: () => simStage(azureLike, permission("Microsoft.Network/")), versions: true },
);
cloudConformance(
  { describe, it },
  { create: () => simStage(gcpLike, permission("compute.")), versions: true },
);
