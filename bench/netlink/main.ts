/**
 * What routes and pods' interfaces cost beside ip(8) in the same rounds. The goals are what the prototype reached,
 * `ebpf-from-node.md`, section 2: in wall-clock time, and as a ratio to ip there.
 *
 * Run it by `npm run bench -- netlink`.
 */
import { Lab } from "@netloom/lab";
import { withLab } from "../lib/interrupt.ts";
import { roundsWanted } from "../lib/options.ts";
import { pods } from "./pods.ts";
import { routes } from "./routes.ts";

const ROUNDS = roundsWanted(11);

await withLab(new Lab("bench"), async (lab) => {
  await routes(lab, ROUNDS);
  await pods(lab, ROUNDS);
});
