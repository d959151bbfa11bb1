import { datapathConformance } from "@netloom/conformance/datapath";
import { ebpf } from "@netloom/datapath-ebpf";
import { Lab, makeFabric, whyNoLab } from "@netloom/lab";
import { afterAll, beforeAll, describe, it } from "vitest";

/** Memory that nobody fills takes its time to be given and taken back. */
const SMALL = Object.fromEntries(
  ["endpoints", "ipcache", "policy", "services", "conntrack", "nat", "fragments"].map((map) => [map, 256]),
);

describe.skipIf(whyNoLab("the conformance of the kernel's datapath") !== undefined)("ebpf", () => {
  let lab: Lab;

  beforeAll(() => {
    lab = new Lab("conformance");
    makeFabric(lab, [{ name: "node1", address: "192.168.50.1/24" }]);
  });

  afterAll(() => lab[Symbol.asyncDispose]());

  datapathConformance(
    { describe, it },
    {
      create: () =>
        ebpf({
          netns: lab.namespace("node1").name,
          bpffs: lab.bpffs,
          maxEntries: SMALL,
        }),
      capabilities: ebpf().capabilities,
      audit: true,
      node: { node: "node1", addresses: ["192.168.50.1"] },
      netns: (pod) => lab.namespace(pod).name,
    },
  );
});
