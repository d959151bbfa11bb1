/**
 * What attaching a pod takes of netlink: a veth pair with its peer inside a namespace, an address, and a
 * route to it; beside the same with ip(8), one command each, as a shell script would. Needs root and
 * iproute2. Run from the repository:
 *
 *     node_modules/.bin/node packages/netlink/bench/pods.ts [pods]
 */
import { execFileSync } from "node:child_process";
import { Netns, Rtnl } from "../src/index.ts";

const PODS = Number(process.argv[2] ?? 50);
const ADDRESS = "10.1.0.2/32";

const names = { node: `nlbench-${process.pid}`, pod: `nlbench-${process.pid}-pod` };
using node = Netns.create(names.node);
using pod = Netns.create(names.pod);
process.once("exit", () => {
  for (const name of Object.values(names)) Netns.delete(name);
});
using host = Rtnl.open({ netns: node });

function withUs(): void {
  host.links.create({ kind: "veth", name: "pod0", up: true, peer: { name: "eth0", netns: pod, up: true } });
  using inside = Rtnl.open({ netns: pod });
  inside.addresses.add({ device: "eth0", address: ADDRESS });
  host.routes.add({ to: ADDRESS, device: "pod0" });
}

function withIp(): void {
  const ip = (...args: string[]): Buffer => execFileSync("ip", args);
  ip("-n", names.node, "link", "add", "pod0", "type", "veth", "peer", "name", "eth0", "netns", names.pod);
  ip("-n", names.node, "link", "set", "pod0", "up");
  ip("-n", names.pod, "link", "set", "eth0", "up");
  ip("-n", names.pod, "addr", "add", ADDRESS, "dev", "eth0");
  ip("-n", names.node, "route", "add", ADDRESS, "dev", "pod0");
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};

const ours: number[] = [];
const theirs: number[] = [];
const deletions: number[] = [];
for (let round = 0; round < PODS; round += 1) {
  ours.push(timed(withUs));
  deletions.push(
    timed(() => {
      host.links.delete("pod0");
    }),
  );
  theirs.push(timed(withIp));
  await host.links.deleteAsync("pod0");
}

const ratio = median(ours.map((time, round) => (theirs[round] ?? Number.NaN) / time));
console.log(`${PODS} pods`);
console.log(`attach, ours:    ${median(ours).toFixed(2)} ms (best ${Math.min(...ours).toFixed(2)})`);
console.log(`attach, ip(8):   ${median(theirs).toFixed(2)} ms (best ${Math.min(...theirs).toFixed(2)})`);
console.log(
  `delete the pair: ${median(deletions).toFixed(2)} ms (best ${Math.min(...deletions).toFixed(2)})`,
);
console.log(`ours is ${ratio.toFixed(1)} times as fast`);
