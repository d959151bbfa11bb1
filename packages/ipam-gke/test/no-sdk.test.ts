import { systemRuntime } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { gke } from "@netloom/ipam-gke";
import { expect, it, vi } from "vitest";
import { fakeMetadata } from "./support/metadata.ts";

vi.mock("@google-cloud/compute", () => {
  throw new Error("Cannot find package '@google-cloud/compute'");
});

const context = {
  node: "node1",
  podCIDRs: [],
  families: [4],
  store: memoryStore(),
  prefix: "test/",
  runtime: systemRuntime,
} as const;

const metadata = fakeMetadata(() => ["10.8.3.0/24"]);

it("says how to have Google's SDK where dynamic ranges need it and it is not there", async () => {
  await using ipam = gke({ range: "dynamic", metadata });
  await expect(ipam.start(context)).rejects.toMatchObject({
    code: "ERR_UNSUPPORTED",
    message: expect.stringContaining("npm install @google-cloud/compute"),
  });
});

it("does without Google's SDK where the node has its range", async () => {
  await using ipam = gke({ metadata });
  await ipam.start(context);
  expect(ipam.ranges()).toEqual(["10.8.3.0/24"]);
});
