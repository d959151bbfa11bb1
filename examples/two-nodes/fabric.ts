import { native } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";
import type { DemoFabric } from "./cluster.ts";

/** All nodes on one switch. */
export function flatFabric(routing: "vxlan" | "native"): DemoFabric {
  return {
    address: (index) => `192.168.50.${index + 1}`,
    routing: () => (routing === "vxlan" ? vxlan() : native()),
  };
}
