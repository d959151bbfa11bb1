import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { openPinnedLink } from "@netloom/bpf-loader";
import { whyNoLab } from "@netloom/lab";
import { Netns } from "@netloom/netlink";
import { afterEach, describe, expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "..", "main.ts");

function demo(...args: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=@netloom/source", MAIN, ...args],
    {
      encoding: "utf8",
    },
  );
  return { status, output: stdout + stderr };
}

/** What demos have made on this machine and not taken away. */
function leftovers(): string[] {
  const ours = (name: string): boolean => name.startsWith("netloom-demo-");
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return [
    ...Netns.list().filter(ours),
    ...readdirSync("/run").filter(ours),
    ...mounts.filter((line) => line.includes("/run/netloom-demo-")),
  ];
}

describe.skipIf(whyNoLab("the demo on the kernel's datapath") !== undefined)("the demo", () => {
  afterEach(() => expect(leftovers()).toEqual([]));

  it("tells of nodes, pods, three connections with their walks, and a summary", () => {
    const { status, output } = demo();
    expect(output).toContain("All as it should be");
    expect(status).toBe(0);
    for (const line of [
      /2 nodes/,
      /default\/client +node1 +10\.244\.0\.\d+ +identity \d+ {app=client}/,
      /egress +no policy selects this direction: allow/,
      /⇒ encapsulated to 192\.168\.50\.2, VNI \d+/,
      /policy\[set \d+, \d+, ingress, TCP\/8080\] = allow by default\/web ingress\[0\], match l3-l4/,
      /no entry for \d+ TCP\/8080, and default\/web denies by default/,
      /✗ dropped: policy-denied \(from_overlay\.c:\d+\)/,
      /service +default\/web: destination becomes 10\.244\.[01]\.\d+:8080/,
      /reverse +source becomes 10\.96\.0\.10:80/,
      /20 connections to 10\.96\.0\.10:80 went to web-1 \(node2\) [1-9]\d*, web-2 \(node1\) [1-9]/,
      /drop:policy-denied [1-9]/,
    ]) {
      expect(output).toMatch(line);
    }
  });

  it("tells the same without a tunnel where routing is native", () => {
    const { status, output } = demo("--routing", "native", "--nodes", "3");
    expect(output).toContain("All as it should be");
    expect(status).toBe(0);
    for (const line of [
      /gateway 10\.244\.0\.\d+, pod MTU 1500/,
      /⇒ natively to its node: out by the uplink, as it is/,
      /node2 · from-netdev/,
      /✗ dropped: policy-denied \(from_netdev\.c:\d+\)/,
      /20 connections to 10\.96\.0\.10:80 went to web-1 \(node2\) [1-9]\d*, web-2 \(node3\) [1-9]/,
    ]) {
      expect(output).toMatch(line);
    }
    expect(output).not.toMatch(/encapsulated|VNI/);
  });

  it("tells the same across a router that learns all by BGP, and how a node that dies is forgotten", () => {
    const { status, output } = demo("--routing", "bgp");
    expect(output).toContain("All as it should be");
    expect(status).toBe(0);
    for (const line of [
      /node2 +192\.168\.52\.1 +pods 10\.244\.1\.0\/24, gateway 10\.244\.1\.1, pod MTU 1500/,
      /Instance default: AS 65001, router ID 192\.168\.51\.1, 1 prefixes to advertise/,
      /router +192\.168\.51\.254 +65000 +established/,
      /\* +10\.244\.1\.0\/24 +192\.168\.51\.254 +router .* 65000 65002 i/,
      /router +10\.244\.1\.0\/24 +via 192\.168\.52\.1 proto bgp/,
      /node1 +10\.244\.1\.0\/24 +via 192\.168\.51\.254 proto bgp metric 179/,
      /⇒ natively to its node: .*, to the router 192\.168\.51\.254, which sends it to 192\.168\.52\.1/,
      /✗ dropped: policy-denied \(from_netdev\.c:\d+\)/,
      /20 connections to 10\.96\.0\.10:80 went to web-1 \(node2\) [1-9]\d*, web-2 \(node1\) [1-9]/,
      /✓ 10\.244\.1\.0\/24 is gone from the kernels of router \d+ ms, node1 \d+ ms after the cut/,
    ]) {
      expect(output).toMatch(line);
    }
    expect(output).not.toMatch(/encapsulated|VNI|^node\d: /m);
  });

  it("has more nodes and pods behind the router, too", () => {
    const { status, output } = demo("--routing", "bgp", "--nodes", "4", "--pods", "8");
    expect(output).toContain("All as it should be");
    expect(output).toMatch(/✓ 10\.244\.3\.0\/24 is gone from .* node1 \d+ ms, node2 \d+ ms, node3 \d+ ms/);
    expect(status).toBe(0);
  });

  it("works with more nodes and pods", () => {
    const { status, output } = demo("--nodes", "4", "--pods", "8");
    expect(output).toContain("All as it should be");
    expect(status).toBe(0);
  });

  it("says what is wrong with its options", () => {
    const { status, output } = demo("--nodes", "1");
    expect(status).toBe(1);
    expect(output).toContain("--nodes 1: write a whole number from 2 to 16");
    const odd = demo("--routing", "carrier-pigeon");
    expect(odd.status).toBe(1);
    expect(odd.output).toContain("--routing carrier-pigeon: write vxlan or native or bgp");
    const nowhere = demo("--routing", "bgp", "--datapath", "model");
    expect(nowhere.status).toBe(1);
    expect(nowhere.output).toMatch(/^demo: --routing bgp needs the kernel: [^\n]+\n$/);
  });

  it("says what it lacks where there is no FRR, and makes nothing", () => {
    const hidden = 'if [ -d /usr/lib/frr ]; then mount -t tmpfs none /usr/lib/frr; fi; exec "$@"';
    const command = [process.execPath, "--conditions=@netloom/source", MAIN, "--routing", "bgp"];
    const { status, stderr, stdout } = spawnSync("unshare", ["-m", "sh", "-c", hidden, "sh", ...command], {
      encoding: "utf8",
    });
    expect(stderr).toBe(
      "demo: --routing bgp needs FRR as the router, and it is not installed: apt-get install frr\n",
    );
    expect(stdout).toBe("");
    expect(status).toBe(1);
  });

  it("ends well when it is interrupted", async () => {
    const child = await halfWay();
    child.kill("SIGINT");
    expect((await once(child, "close"))[0]).toBe(130);
  });

  it("ends without a complaint when a terminal interrupts it and all its programs", async () => {
    const child = spawn(process.execPath, ["--conditions=@netloom/source", MAIN, "--routing", "bgp"], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let complaints = "";
    child.stderr.on("data", (chunk) => (complaints += String(chunk)));
    await heard(child.stdout, "2. A connection that policy denies");
    process.kill(-child.pid!, "SIGINT");
    expect((await once(child, "close"))[0]).toBe(130);
    expect(complaints).toBe("");
    expect(Netns.list().filter((name) => name.startsWith(`netloom-demo-${child.pid}`))).toEqual([]);
  });

  it("leaves nothing where it is interrupted while it cleans up, and again", async () => {
    const child = spawn(process.execPath, ["--conditions=@netloom/source", MAIN], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await heard(child.stdout, "Summary");
    const closed = once(child, "close");
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGINT");
    expect((await closed)[0]).toBe(130);
    expect(Netns.list().filter((name) => name.startsWith(`netloom-demo-${child.pid}`))).toEqual([]);
  });

  it("that was killed leaves nothing once it has run again, its router neither", async () => {
    const child = await halfWay("--routing", "bgp");
    const namespaces = Netns.list().filter((name) => name.startsWith("netloom-demo-"));
    expect(namespaces).toContain(`netloom-demo-${child.pid}-router`);
    const children = childrenOf(child.pid!);
    expect(children.map(commandOf)).toEqual(
      expect.arrayContaining(["/usr/lib/frr/zebra", "/usr/lib/frr/bfdd", "/usr/lib/frr/bgpd"]),
    );
    child.kill("SIGKILL");
    await once(child, "close");
    expect(demo().status).toBe(0);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  it("that was killed leaves nothing once it has run again: no namespace, pin, mount or program", async () => {
    const child = await halfWay();
    const links = join("/run", `netloom-demo-${child.pid}`, "bpf", "netloom", "node1", "links");
    const programs = readdirSync(links).map((file) => {
      using link = openPinnedLink(join(links, file));
      return link.info().programId;
    });
    const children = childrenOf(child.pid!);
    expect(children.length).toBeGreaterThan(0);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(leftovers().length).toBeGreaterThan(5);
    expect(demo().status).toBe(0);
    expect(existsSync(links)).toBe(false);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    const loaded = (id: number): boolean =>
      spawnSync("bpftool", ["prog", "show", "id", String(id)]).status === 0;
    expect(programs.filter(loaded)).toEqual([]);
  });
});

/** Process ids: the pods' servers. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0]!;
}

/** A demo whose agents run and whose pods are there. */
async function halfWay(...args: string[]): Promise<ReturnType<typeof spawn>> {
  const child = spawn(process.execPath, ["--conditions=@netloom/source", MAIN, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await heard(child.stdout, "1. A connection that policy allows");
  return child;
}

/** Reads on, so that nobody waits for us to. */
async function heard(stream: Readable, what: string): Promise<void> {
  let output = "";
  await new Promise<void>((resolve) => {
    stream.on("data", (chunk) => {
      output += String(chunk);
      if (output.includes(what)) resolve();
    });
  });
}
