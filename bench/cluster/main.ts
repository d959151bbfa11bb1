/**
 * What a packet, a round trip and a connection cost between pods, CPU time of both ends and all between: Netloom with
 * services and policies on beside bare veth pairs, kernel routing and VXLAN, minimal eBPF, and the classic ways, all up
 * at once, in rounds that take turns. Ratios to bare veth, paired round by round.
 *
 * Run it by `npm run bench -- cluster [--rounds N]`. `harness/README.md` explains the tests.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { unmountBpffs } from "@netloom/bpf-loader";
import { Netns } from "@netloom/netlink";
import { printTable } from "../lib/table.ts";
import { roundsWanted } from "../lib/options.ts";
import { readResults, ratioTo } from "./results.ts";

const HARNESS = join(import.meta.dirname, "harness");
const PREFIX = `netloom-bench-${process.pid}`;
const DIRECTORY = join("/run", PREFIX);
const RESULTS = join(DIRECTORY, "results.jsonl");
const OURS = join(import.meta.dirname, "netloom.sh");

/** By what the tables call it. Ours has all its features on, as the classic cluster has. */
const CONFIGURATIONS: Readonly<Record<string, string>> = {
  "bare veth": "bare",
  "kernel routing": "ptp-route",
  "kernel VXLAN": "kernel-vxlan",
  "minimal eBPF, VXLAN": "ebpf-min[TUN=1]",
  "classic cluster, VXLAN": "classic-cluster[MODE=nft;VIA=vip]",
  "Netloom, VXLAN, to a pod": `${OURS}[VIA=pod]`,
  "Netloom, VXLAN, to a service": `${OURS}[VIA=vip]`,
};

/** `facts/datapath-performance.md` 7 A: goal and, in brackets, stretch, as ratios to bare veth. */
const GOALS: Readonly<Record<string, readonly [same: string, cross: string]>> = {
  cost: ["1.55 (1.35)", "3.1 (2.75)"],
  rr_one: ["1.22 (1.15)", "1.8 (1.6)"],
  crr_one: ["1.3 (1.2)", "2.1 (1.9)"],
};

const TESTS: Readonly<Record<string, string>> = {
  cost: "established packet",
  rr_one: "TCP round trip",
  crr_one: "TCP connection",
};

async function main(): Promise<void> {
  const rounds = roundsWanted(10);
  const environment = {
    ...process.env,
    BPFFS: join(DIRECTORY, "bpf"),
    BUILD: join(DIRECTORY, "build"),
    HARNESS,
    NODE: process.execPath,
    PREFIX,
  };
  mkdirSync(DIRECTORY, { recursive: true });
  try {
    execFileSync("make", ["-s", "-C", HARNESS], { env: environment, stdio: "inherit" });
    const args = ["-o", RESULTS, "-r", String(rounds), "-t", Object.keys(TESTS).join(",")];
    const runner = spawn(join(HARNESS, "run.py"), [...args, "-c", Object.values(CONFIGURATIONS).join(",")], {
      env: environment,
      stdio: "inherit",
    });
    // It tidies up by itself; then we do.
    const forward = (): void => void runner.kill("SIGTERM");
    process.on("SIGINT", forward).on("SIGTERM", forward);
    const [code] = (await once(runner, "exit")) as [number | null];
    if (code !== 0) throw new Error("the harness did not come to its end; its lines above say why");
    print(rounds);
  } finally {
    tidyUp();
  }
}

function print(rounds: number): void {
  const results = readResults(RESULTS);
  for (const [path, title, goal] of [
    ["same", "Pods of one node", 0],
    ["cross", "Pods of two nodes", 1],
  ] as const) {
    const rows = Object.entries(CONFIGURATIONS).map(([name, configuration]) => [
      name,
      ...Object.keys(TESTS).map((test) => ratioTo(results, { configuration, base: "bare", path, test })),
    ]);
    rows.push(["goal (stretch)", ...Object.keys(TESTS).map((test) => GOALS[test]![goal])]);
    printTable(
      `${title}: CPU time as a multiple of bare veth's, median of ${rounds} paired rounds`,
      ["", ...Object.values(TESTS)],
      rows,
    );
  }
}

/** Whatever a configuration could not take away itself. */
function tidyUp(): void {
  for (const name of Netns.list()) if (name.startsWith(`${PREFIX}-`)) Netns.delete(name);
  unmountBpffs(join(DIRECTORY, "bpf"));
  rmSync(DIRECTORY, { recursive: true, force: true });
}

await main();
