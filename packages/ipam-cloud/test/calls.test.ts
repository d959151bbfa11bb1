import { describe, expect, it } from "vitest";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const node = { name: "node1", instance: "i-1" };

async function requestsOfBurst(cloud: FakeCloud): Promise<readonly string[]> {
  cloud.launch(node);
  const lives = new Lives(cloud);
  const ipam = await lives.begin();
  await lives.pass(5000);
  // A node that has started has read what it must know, and has its first warm addresses.
  const before = cloud.requests.filter((name) => /^(Describe|Read)/.test(name)).length;
  expect(before).toBe(3);
  const leases = await lives.allocate(ipam, 100);
  await lives.pass(5000);
  expect(new Set(leases.flatMap(({ addresses }) => addresses)).size).toBe(100);
  await ipam[Symbol.asyncDispose]();
  return cloud.requests.slice(before);
}

describe("0 to 100 pods on one node of 8 interfaces with 30 addresses", () => {
  it("takes 11 requests with single addresses", async () => {
    const requests = await requestsOfBurst(new FakeCloud());
    expect(requests.length).toBeLessThanOrEqual(11);
  });

  it("takes one more where interfaces take their time: one read for all of them", async () => {
    const cloud = new FakeCloud();
    cloud.slow = true;
    const requests = await requestsOfBurst(cloud);
    expect(requests.filter((name) => name === "ReadNode").length).toBe(1);
    expect(requests.length).toBeLessThanOrEqual(12);
  });

  it("takes 2 requests with blocks", async () => {
    const requests = await requestsOfBurst(new FakeCloud({ capabilities: { blocks: { 4: 28 } } }));
    expect(requests).toEqual(["Assign", "Assign"]);
  });
});
