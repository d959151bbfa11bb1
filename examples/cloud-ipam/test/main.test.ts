import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { runPods } from "../agent.ts";
import { startClouds } from "../clouds.ts";
import { ipams } from "../ipams.ts";

const NETWORKS: Readonly<Record<string, RegExp>> = {
  "cluster-pool": /^10\.244\./,
  aws: /^10\.1\./,
  azure: /^10\.2\./,
  gke: /^10\.3\./,
  acme: /^10\.7\.0\./,
};

it.each(Object.keys(ipams))("gives pods addresses of their own by %s", async (name) => {
  await using clouds = await startClouds();
  const { addresses } = await runPods(ipams[name]!(clouds), 20);
  expect(new Set(addresses).size).toBe(20);
  for (const address of addresses) expect(address).toMatch(NETWORKS[name]!);
});

it("tells of each that was asked for", () => {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const args = ["--conditions=@netloom/source", main, "acme", "cluster-pool"];
  const lines = execFileSync(process.execPath, args, { encoding: "utf8" }).trim().split("\n");
  expect(lines.map((line) => line.slice(0, 21))).toEqual(["acme         20 pods:", "cluster-pool 20 pods:"]);
});
