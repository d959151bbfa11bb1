#!/usr/bin/env node
// The one way into every script: makes sure that what the task needs is installed, then runs the task on
// the Node that the lockfile pins. Plain JavaScript, for it must start on whatever Node the machine has.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [task = "", ...rest] = process.argv.slice(2);
process.chdir(root);

/** Debian packages, by the command (or file) that proves their presence; and the service that comes along. */
const DEBIAN = {
  clang: { probe: "clang", why: "compiles bpf/ and proves that the committed objects match it" },
  llvm: { probe: "llvm-strip", why: "strips what bpf/ compiles to" },
  "libbpf-dev": { probe: "/usr/include/bpf/bpf_helpers.h", why: "helper declarations for bpf/" },
  "linux-libc-dev": { probe: "/usr/include/linux/bpf.h", why: "kernel headers for bpf/" },
  iproute2: { probe: "ip", why: "an independent view of links, routes and namespaces" },
  "iputils-ping": { probe: "ping", why: "ICMP echo between pods" },
  ethtool: { probe: "ethtool", why: "switches the bench's offloads" },
  gcc: { probe: "gcc", why: "compiles the bench's client and server" },
  iperf3: { probe: "iperf3", why: "bulk transfers of the bench" },
  ipset: { probe: "ipset", why: "the bench's classic policies" },
  iptables: { probe: "iptables-nft", why: "the bench's classic services and policies" },
  make: { probe: "make", why: "builds the bench" },
  nftables: { probe: "nft", why: "the bench's classic services" },
  prometheus: { probe: "promtool", service: "prometheus", why: "an independent view of the metrics" },
  python3: { probe: "python3", why: "runs moto and the bench's harness" },
  "python3-pip": { probe: "pip3", why: "installs moto" },
  bpftool: { probe: "bpftool", why: "an independent view of programs, maps and BTF" },
  tshark: { probe: "tshark", why: "an independent view of the packets on the wire" },
  bird2: { probe: "bird", service: "bird", why: "a BGP peer of the tests, and one to measure against" },
  frr: {
    probe: "/usr/lib/frr/bgpd",
    service: "frr",
    why: "a BGP peer of the tests, and one to measure against",
  },
  gobgpd: { probe: "gobgpd", service: "gobgpd", why: "a BGP peer of the tests, and one to measure against" },
};

/** Python packages, by the command that proves their presence; else in a folder of this project, for `PYTHONPATH`. */
const PYTHON = {
  moto: {
    probe: "moto_server",
    module: "moto/server.py",
    // Of moto's own extras, "server" brings every cloud service it knows.
    packages: ["moto[ec2]==5.2.1", "flask==3.1.3", "flask-cors==6.0.5"],
    why: "EC2's API as somebody else understands it",
  },
};
const PYTHON_PACKAGES = ".cache/python";

/** Each started by whoever needs it, in a namespace of its own. */
const ROUTERS = ["bird2", "frr", "gobgpd"];

const TESTED = [
  "clang",
  "llvm",
  "libbpf-dev",
  "linux-libc-dev",
  "iproute2",
  "iputils-ping",
  "bpftool",
  "prometheus",
  "tshark",
  "python3",
  "python3-pip",
  ...ROUTERS,
];

const COMPILER = ["clang", "llvm", "libbpf-dev", "linux-libc-dev"];

/** The suites that find more the longer they look, and how long they look when asked to look hard. */
const DEEP = ["packages/datapath-model/test/differential", "packages/simulation"];
const DEPTH = { NETLOOM_CASES: "20000", NETLOOM_SEEDS: "10000", NETLOOM_STEPS: "1000" };

/** What the bench sets up beside ours. */
const PEERS = ["gcc", "make", "python3", "iperf3", "ethtool", "iptables", "nftables", "ipset", ...ROUTERS];

const TASKS = {
  demo: { debian: demoRouter(), run: () => source("examples/two-nodes/main.ts", rest) },
  test: { debian: TESTED, python: ["moto"], run: () => bin("vitest", ["run", ...rest]) },
  "test:deep": { debian: TESTED, run: () => bin("vitest", ["run", ...DEEP, ...rest], DEPTH) },
  check: { debian: COMPILER, run: () => source("tools/check.ts", rest) },
  build: { debian: [], run: () => source("tools/build.ts", rest) },
  package: {
    debian: [],
    run: () => source("tools/build.ts", []) || launch(["tools/package-check.ts", ...rest]),
  },
  generate: { debian: COMPILER, run: () => source("tools/generate.ts", rest) },
  bench: { debian: [...COMPILER, "iproute2", "bpftool", ...PEERS], run: () => source("bench/main.ts", rest) },
};

/** Only the demo of BGP has a router that is not ours. */
function demoRouter() {
  const words = rest.join(" ").replaceAll("=", " ");
  return /--routing bgp/.test(words) && !/--datapath model/.test(words) ? ["frr"] : [];
}

const chosen = TASKS[task];
if (chosen === undefined) {
  console.error(`usage: node tools/run.mjs ${Object.keys(TASKS).join("|")} [arguments]`);
  process.exit(2);
}
installNodeModules();
installDebian(chosen.debian);
installPython(chosen.python ?? []);
process.exit(chosen.run());

/** `npm ci` once per lockfile: the stamp is as new as the tree it describes. */
function installNodeModules() {
  const stamp = "node_modules/.package-lock.json";
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync("package-lock.json").mtimeMs) return;
  if (existsSync(stamp) && sameLock(stamp)) return;
  say("installing node_modules (npm ci)");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    stdio: "inherit",
  });
  if (status !== 0) fail("npm ci failed; the lines above say why");
}

/** A checkout touches package-lock.json without changing it: compare what it pins. */
function sameLock(stamp) {
  const pins = (file) => {
    const { packages } = JSON.parse(readFileSync(file, "utf8"));
    return Object.entries(packages).filter(([path]) => path.startsWith("node_modules/"));
  };
  const installed = new Map(pins(stamp));
  return pins("package-lock.json").every(([path, entry]) => {
    const there = installed.get(path);
    return there === undefined ? entry.optional === true : there.version === entry.version;
  });
}

function installDebian(names) {
  const missing = names.filter((name) => !present(DEBIAN[name].probe));
  if (missing.length === 0) return;
  const list = missing.map((name) => `  ${name}: ${DEBIAN[name].why}`).join("\n");
  const manual = `install them by hand: apt-get install ${missing.join(" ")}`;
  if (process.platform !== "linux" || !present("apt-get"))
    return lacking(`missing, and no apt-get here\n${list}\n${manual}`);
  if (process.getuid() !== 0) return lacking(`missing, and only root can install them\n${list}\n${manual}`);
  say(`installing ${missing.join(", ")} (apt-get)`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // A machine that has just started upgrades itself, and holds the lock meanwhile.
  const patient = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
  const apt = (...args) =>
    spawnSync("apt-get", [...patient, ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 2 ** 26,
    });
  // An update that fails need not matter: what is missing may be in the lists that are there.
  const runs = withoutDaemons(() => [
    apt("update"),
    apt("install", "-y", "--no-install-recommends", ...missing),
  ]);
  disableServices(missing);
  if (runs[1].status === 0) return;
  // apt-get says so in its own way, and is not to blame.
  if (runs[1].signal !== null || runs[1].status === 130) process.exit(130);
  const said = runs.map(({ stderr }) => String(stderr).trim()).filter((text) => text !== "");
  lacking(`apt-get could not install\n${list}\n${said.join("\n")}`);
}

function installPython(names) {
  for (const name of names) {
    const { probe, module, packages, why } = PYTHON[name];
    if (present(probe) || existsSync(join(PYTHON_PACKAGES, module))) continue;
    say(`installing ${name} (pip)`);
    const quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-conflicts"];
    const args = ["-m", "pip", "install", ...quiet, "--target", PYTHON_PACKAGES, ...packages];
    const { status, signal, stderr } = spawnSync("python3", args, { stdio: ["ignore", "ignore", "pipe"] });
    if (status === 0) continue;
    if (signal !== null || status === 130) process.exit(130);
    lacking(`pip could not install\n  ${name}: ${why}\n${String(stderr).trim()}`);
  }
}

/**
 * We want programs, not servers: Debian asks this file before it starts what it has installed (invoke-rc.d(8)). An
 * interruption ends apt-get and not us, or the file would stay.
 */
function withoutDaemons(install) {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return install();
  const signals = ["SIGINT", "SIGTERM"];
  const hold = () => {};
  for (const signal of signals) process.on(signal, hold);
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(policy);
    for (const signal of signals) process.off(signal, hold);
  }
}

/** And none of them at the next start of the machine. */
function disableServices(names) {
  const units = names.flatMap((name) => DEBIAN[name].service ?? []);
  if (units.length > 0 && present("systemctl")) spawnSync("systemctl", ["--quiet", "disable", ...units]);
}

/** Tests that need what is missing would be skipped. Somebody at a desk may want the others; CI wants them all. */
function lacking(text) {
  if (process.env.CI) fail(text);
  else warn(text);
}

function present(probe) {
  if (probe.startsWith("/")) return existsSync(probe);
  const path = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
  return path.split(":").some((directory) => directory !== "" && existsSync(join(directory, probe)));
}

/** The pinned Node where the platform has one, else the Node that runs this, if new enough. */
function node() {
  const pinned = join(root, "node_modules/.bin/node");
  if (existsSync(pinned)) return pinned;
  // Sources run as they are, `await using` included, from 24 on. The built packages are content with less.
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  return fail(
    `this task needs Node 24; this is ${process.version} and no pinned build exists for ${process.platform}-${process.arch}`,
  );
}

function bin(name, args, environment) {
  return launch([join(root, "node_modules", ".bin", name), ...args], environment);
}

function source(file, args) {
  return launch(["--conditions=@netloom/source", file, ...args]);
}

function launch(args, environment = {}) {
  const env = {
    ...environment,
    ...process.env,
    PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}:/usr/sbin:/sbin`,
  };
  const { status, signal } = spawnSync(node(), args, { stdio: "inherit", env });
  return signal === null ? (status ?? 1) : 1;
}

function say(text) {
  console.error(`netloom: ${text}`);
}

function warn(text) {
  console.error(`\nnetloom: WARNING: ${text}\n`);
}

function fail(text) {
  console.error(`netloom: ${text}`);
  process.exit(1);
}
