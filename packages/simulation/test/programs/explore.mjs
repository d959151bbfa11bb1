import { createCluster, formatReport } from "@netloom/simulation";
import { standard } from "../support/standard.ts";

// node --conditions=@netloom/source test/programs/explore.mjs <first seed> <seeds> <steps> <1: the whole report>
const [first = 0, count = 20, steps = 1000, verbose = 0] = process.argv.slice(2).map(Number);
const begun = process.cpuUsage();
let total = 0;
for (let seed = first; seed < first + count; seed++) {
  const report = await createCluster(standard(seed, { steps })).run();
  total += report.steps;
  if (report.violation === undefined) continue;
  const { invariant, message, step } = report.violation;
  console.log(verbose > 0 ? formatReport(report) : `seed ${seed} step ${step} ${invariant}: ${message}`);
}
const { user, system } = process.cpuUsage(begun);
const seconds = (user + system) / 1e6;
console.log(
  `${count} seeds, ${total} steps, ${seconds.toFixed(1)} s CPU, ${Math.round(total / seconds)} steps/s`,
);
