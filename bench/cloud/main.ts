/**
 * What pod addresses from a cloud's network cost in requests and in time: ours beside the AWS VPC CNI and Cilium, each with
 * its own loop on the same cloud in memory, on that cloud's clock.
 *
 * Run it by `npm run bench -- cloud [--nodes N] [--pods N] [--parts calls,rollout]`.
 */
import { parseArgs } from "node:util";
import { calls } from "./calls.ts";
import { rollout } from "./rollout.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "1000" },
    pods: { type: "string", default: "30" },
    parts: { type: "string", default: "calls,rollout" },
  },
});
const parts = new Set(values.parts.split(","));
if (parts.has("calls")) await calls();
if (parts.has("rollout")) await rollout(Number(values.nodes), Number(values.pods));
