import { cloudConformance } from "@netloom/conformance/cloud";
import type { CloudStage } from "@netloom/conformance/cloud";
import { describe, it } from "vitest";
import { acme } from "../acme/provider.ts";
import { AcmeError, AcmeStandIn } from "../acme/stand-in.ts";

const [node1, node2] = [1, 2].map((number) => ({ name: `node-${number}`, instance: `m-${number}` }));

/** Acme's cloud as the kit wants it: what it may do to it beside asking it for addresses. */
function stage(): CloudStage {
  const cloud = new AcmeStandIn();
  cloud.launch("m-1");
  cloud.launch("m-2");
  return {
    provider: () => acme(cloud),
    nodes: [node1!, node2!],
    pool: "acme-net",
    requests: () => cloud.requests,
    loseAnswer(after) {
      const lost = cloud.requests.length + after + 1;
      cloud.hook = (_, when) => {
        if (when === "after" && cloud.requests.length === lost) throw new Error("the connection broke");
      };
    },
    throttle(throttled) {
      cloud.hook = (action, when) => {
        if (action !== throttled || when !== "before") return;
        cloud.hook = () => {};
        throw new AcmeError("slow-down");
      };
    },
    terminate: async ({ instance }) => cloud.terminate(instance),
    async [Symbol.asyncDispose]() {},
  };
}

cloudConformance({ describe, it }, { create: stage });
