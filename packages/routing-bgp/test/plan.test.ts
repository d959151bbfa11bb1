import type { LocalNode, RoutedNode, Underlay } from "@netloom/core";
import { expect, it } from "vitest";
import { planOf } from "../src/plan.ts";

const underlay: Underlay = { mtu: 1500, family: 4, networks: ["192.0.2.0/24"] };
const node1: LocalNode = { name: "node1", addresses: ["192.0.2.1"], podCIDRs: ["10.1.0.0/24"], routers: [] };
const node2: RoutedNode = { ...node1, name: "node2", addresses: ["192.0.2.2"], podCIDRs: ["10.2.0.0/24"] };
const eth1 = {
  mac: "02:00:5e:00:53:01",
  address: "10.1.0.10",
  gateway: "10.1.0.1",
  ranges: ["10.1.0.64/28"],
};

it("hands on by which interfaces the node's own pods leave, and why by others they cannot", () => {
  const wrong = { ...eth1, mac: "eth2", address: "10.1.0.11" };
  const plan = planOf({ ...node1, interfaces: [eth1, wrong] }, [node2], underlay, []);
  expect(plan.interfaces).toEqual([eth1]);
  expect(plan.native).toEqual([{ prefix: "10.2.0.0/24", node: "node2" }]);
  expect(plan.problems).toMatchObject([{ code: "ERR_NODE_INVALID", input: "eth2", backend: "bgp" }]);
});
