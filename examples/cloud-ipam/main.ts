/**
 * One agent on five IPAMs: a pool of the cluster's own, three clouds through their vendors' SDKs, and a small vendor's cloud
 * through a provider of eighty lines.
 *
 *     npm start -w examples/cloud-ipam             # all of them
 *     npm start -w examples/cloud-ipam aws acme    # or some
 */
import { runPods } from "./agent.ts";
import { startClouds } from "./clouds.ts";
import { ipams } from "./ipams.ts";

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(ipams);
const unknown = chosen.find((name) => !Object.hasOwn(ipams, name));
if (unknown !== undefined) {
  console.error(`there is no ${unknown}; choose from ${Object.keys(ipams).join(", ")}`);
  process.exit(2);
}
await using clouds = await startClouds();
for (const name of chosen) {
  const { podCIDRs, addresses } = await runPods(ipams[name]!(clouds), 20);
  const ranges = podCIDRs.length > 3 ? `${podCIDRs.length} ranges` : podCIDRs.join(", ");
  console.log(
    `${name.padEnd(12)} ${addresses.length} pods: ${addresses[0]}, ${addresses[1]}, … of ${ranges}`,
  );
}
