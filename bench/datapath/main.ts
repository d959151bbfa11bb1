/**
 * What a packet costs in the datapath's programs, without the kernel around them: BPF_PROG_TEST_RUN on a node that an
 * agent has set up, beside the sum of the parts on this machine, measured in the same rounds, and beside Cilium's
 * programs as they were measured elsewhere.
 *
 * Run it by `npm run bench -- datapath`.
 */
import { load } from "@netloom/bpf-loader";
import { Lab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { Clang } from "../lib/clang.ts";
import { withLab } from "../lib/interrupt.ts";
import { roundsWanted } from "../lib/options.ts";
import { agentCost } from "./agent-cost.ts";
import { Connections } from "./connections.ts";
import { established } from "./established.ts";
import { fullConntrack } from "./full-conntrack.ts";
import { Listener } from "./listener.ts";
import { newFlows } from "./new-flows.ts";
import { loadParts } from "./parts.ts";
import { Replayer } from "./replayer.ts";
import { makeScene } from "./scene.ts";

const ROUNDS = roundsWanted(15);

async function main(lab: Lab): Promise<void> {
  using clang = new Clang();
  await using floor = await load(clang.bpf(new URL("floor.bpf.c", import.meta.url)));
  await using parts = await loadParts(clang);
  const netns = lab.namespace("node1");
  await using replayer = await Replayer.load(clang, netns);
  for (const name of ["nothing", "redirect_only"]) replayer.aim(name, floor.program(name));
  for (const name of parts.programNames) replayer.aim(name, parts.program(name));
  const scene = await makeScene(lab);
  using rtnl = Rtnl.open({ netns });
  const overlay = rtnl.links.list({ kind: "vxlan" })[0]!.index;
  replayer.aimAtDevice("from_container", scene.client.attachment!.ifindex);
  replayer.aimAtDevice("from_overlay", overlay);
  using listener = new Listener(scene.datapath, scene.agent);
  const connections = new Connections(scene, replayer, overlay);
  const bench = { rounds: ROUNDS, scene, replayer, listener, connections, netns, floor, parts };
  // First, while conntrack is small: the agent sweeps it.
  await agentCost(scene);
  await established(bench);
  await newFlows(bench);
  await fullConntrack(bench);
}

await withLab(new Lab("bench"), main);
