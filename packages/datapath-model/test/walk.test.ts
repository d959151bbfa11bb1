import { describe, it } from "vitest";
import { arrivals } from "../../datapath-ebpf/test/walk/arrivals.ts";
import { conntrack } from "../../datapath-ebpf/test/walk/conntrack.ts";
import { delivery } from "../../datapath-ebpf/test/walk/delivery.ts";
import { established } from "../../datapath-ebpf/test/walk/established.ts";
import { icmpWalks } from "../../datapath-ebpf/test/walk/icmp.ts";
import { fragments } from "../../datapath-ebpf/test/walk/fragments.ts";
import { links } from "../../datapath-ebpf/test/walk/links.ts";
import { policy } from "../../datapath-ebpf/test/walk/policy.ts";
import { serviceReplies } from "../../datapath-ebpf/test/walk/service-replies.ts";
import { services } from "../../datapath-ebpf/test/walk/services.ts";
import { ModelBench } from "./model-bench.ts";

/** The very walks that the kernel's programs are held to. */
describe("the packet walk in the model", () => {
  const suites = [
    ...[links, delivery, conntrack, policy, established, icmpWalks, arrivals, services],
    ...[serviceReplies, fragments],
  ];
  for (const suite of suites) suite({ describe, it }, ModelBench.open);
});
