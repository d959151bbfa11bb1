import { routingConformance } from "@netloom/conformance/routing";
import { native } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";
import { describe, it } from "vitest";

const runner = { describe, it };

describe("alone", () => {
  routingConformance(runner, { create: () => native(), tunnels: false });
});

describe("with a tunnel to the nodes that are not neighbours", () => {
  routingConformance(runner, { create: () => native({ tunnel: vxlan() }), tunnels: false });
});

describe("where the fabric has all routes", () => {
  const create = () => native({ directRoutes: false, nativeCidr: "10.0.0.0/8" });
  routingConformance(runner, { create, tunnels: false });
});
