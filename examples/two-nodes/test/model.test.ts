import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "..", "main.ts");

it("tells the same story on the model, without root", () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--conditions=@netloom/source", MAIN, "--datapath", "model", "--nodes", "3", "--pods", "6"],
    { encoding: "utf8" },
  );
  for (const line of [
    /3 nodes/,
    /egress +no policy selects this direction: allow/,
    /⇒ encapsulated to 192\.168\.50\.2, VNI \d+/,
    /policy\[set \d+, \d+, ingress, TCP\/8080\] = allow by default\/web ingress\[0\], match l3-l4/,
    /no entry for \d+ TCP\/8080, and default\/web denies by default/,
    /✗ dropped: policy-denied\n/,
    /service +default\/web: destination becomes 10\.244\.\d\.\d+:8080/,
    /reverse +source becomes 10\.96\.0\.10:80/,
    /40 connections to 10\.96\.0\.10:80 went to web-1 \(node2\) [1-9]\d*, web-2 \(node3\) [1-9]/,
    /drop:policy-denied [1-9]/,
    /All as it should be/,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(status).toBe(0);
});

it("tells it without a tunnel where routing is native", () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--conditions=@netloom/source", MAIN, "--datapath", "model", "--routing", "native"],
    { encoding: "utf8" },
  );
  for (const line of [
    /pods 10\.244\.0\.0\/24, gateway 10\.244\.0\.\d+, pod MTU 1500/,
    /⇒ natively to its node: out by the uplink, as it is/,
    /node2 · from-netdev/,
    /✗ dropped: policy-denied\n/,
    /20 connections to 10\.96\.0\.10:80 went to web-1 \(node2\) [1-9]\d*, web-2 \(node1\) [1-9]/,
    /All as it should be/,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(stdout).not.toMatch(/encapsulated|VNI/);
  expect(status).toBe(0);
});
