/**
 * Times core's engines beside the figures they were designed for: what a plain typed-array design reached on a
 * quiet machine with Node 20. Prints process CPU time, the best of several rounds; wall time would measure the
 * neighbours. Run with `node --expose-gc packages/core/bench/engines.ts`, with words to choose sections by name.
 */
import {
  Address,
  type Cidr,
  cidrAround,
  formatAddress,
  formatCidr,
  ipv4,
  parseAddress,
  parseCidr,
} from "../src/address/index.ts";
import { TypedEmitter } from "../src/events.ts";
import { RotatingSpace } from "../src/ipam/free-space.ts";
import { AddressRange, BlockPool } from "../src/ipam/index.ts";
import { LpmTable } from "../src/ipcache/lpm.ts";
import { LabelTable, type Selection, SelectorIndex, matches, parseSelector } from "../src/labels/index.ts";
import { maglevTable } from "../src/service/maglev.ts";
import { measure, megabytes, ms, ns, pick, random, row, times, u32, us } from "./measure.ts";

/** Results go here, so that no loop can be optimised away. */
let sink = 0;

function addresses(): void {
  const v4 = times(2 ** 19, () => ipv4(u32()));
  const v6 = times(2 ** 19, () => new Address(0x20010db8, random(2 ** 16), 0, u32()));
  const [text4, text6] = [v4.map(formatAddress), v6.map(formatAddress)];
  const parse = (list: readonly string[]): number =>
    measure(list.length, () => {
      for (let i = 0; i < list.length; i++) sink += parseAddress(list[i]!).w3;
    });
  const format = (list: readonly Address[]): number =>
    measure(list.length, () => {
      for (let i = 0; i < list.length; i++) sink += formatAddress(list[i]!).length;
    });
  const ten = parseCidr("10.0.0.0/8");
  const contains = measure(v4.length, () => {
    for (let i = 0; i < v4.length; i++) if (ten.contains(v4[i]!)) sink++;
  });
  const offset = measure(v6.length, () => {
    for (let i = 0; i < v6.length; i++) sink += v6[i]!.offset(1).w3;
  });
  row("parse IPv4", "107-135 ns", ns(parse(text4)));
  row("parse IPv6", "360 ns", ns(parse(text6)));
  row("format IPv4", "65 ns", ns(format(v4)));
  row("format IPv6", "248 ns", ns(format(v6)));
  row("is it in 10.0.0.0/8?", "1.7 ns", ns(contains));
  row("the next IPv6 address, as an object", "2.7-6.7 ns (raw)", ns(offset));
}

function ranges(): void {
  const targets: [bits: number, fill: number, target: string][] = [
    [16, 0.5, "26 ns"],
    [16, 0.9, "34 ns"],
    [16, 0.99, "39 ns"],
    [16, 0.999, "48 ns"],
    [24, 0.5, "105 ns"],
    [24, 0.99, "125 ns"],
    [24, 0.9999, "144 ns"],
  ];
  for (const [bits, fill, target] of targets) {
    const space = new RotatingSpace(2 ** bits);
    const held = Uint32Array.from({ length: Math.floor(2 ** bits * fill) }, () =>
      space.take(random(2 ** bits)),
    );
    const took = measure(400_000, () => {
      for (let i = 0; i < 200_000; i++) {
        const at = random(held.length);
        space.release(held[at]!);
        held[at] = space.take(random(2 ** bits));
      }
    });
    row(`take or release a number of 2^${bits}, ${fill * 100} % full`, target, ns(took));
  }
  row(
    "memory of 2^24 numbers, nothing released yet",
    "2.16 MB",
    megabytes(() => new RotatingSpace(2 ** 24)),
  );
  for (const prefix of [24, 20, 16]) {
    const range = new AddressRange(cidrAround(ipv4(0x0a000000), prefix), {
      random: () => random(2 ** 24) / 2 ** 24,
    });
    const owners = times(Math.floor(2 ** (32 - prefix) * 0.99) - 2, (i) => `sandbox-${i}/eth0`);
    const held = owners.map((owner) => range.allocate(owner));
    const took = measure(200_000, () => {
      for (let i = 0; i < 100_000; i++) {
        const at = random(held.length);
        range.release(held[at]!, owners[at]!);
        held[at] = range.allocate(owners[at]!);
      }
    });
    row(`the same with owners: a range of /${prefix}, 99 % full`, "100 ns", ns(took));
  }
}

function blocks(): void {
  const owners = times(65_536, (i) => `node-${i}`);
  const texts = owners.map((_, i) => formatCidr(parseCidr("10.0.0.0/8").subnet(24, i)));
  const empty = (): BlockPool => new BlockPool(4, 24, [parseCidr("10.0.0.0/8")]);
  const allocateAll = (): BlockPool => {
    const pool = empty();
    for (const owner of owners) sink += pool.allocate(owner).prefix;
    return pool;
  };
  row("allocate each /24 of a /8", "28 ms", ms(measure(1, allocateAll)));
  const restore = measure(1, () => {
    const pool = empty();
    for (const [i, owner] of owners.entries())
      sink += Number(pool.claim(parseCidr(texts[i]!), owner).outcome === "ok");
  });
  row("restore all 65,536 from text", "31 ms", ms(restore));
  const full = allocateAll();
  const held = [...full.entries()].map(({ cidr }) => cidr);
  full.release(held.pop()!, owners.pop()!);
  const churn = measure(65_536, () => {
    for (let i = 0; i < 65_536; i++) {
      const at = random(held.length);
      full.release(held[at]!, owners[at]!);
      held[at] = full.allocate(owners[at]!);
    }
  });
  row("release one and allocate one, 99.99 % full", "1.08 us", us(churn));
  row("memory", "2.4 MB", megabytes(allocateAll));
}

function prefixes(): void {
  const pod = (): Cidr => cidrAround(ipv4(0x0a000000 + random(2 ** 22)), 32);
  const ipcache = (): Cidr => {
    const kind = random(100);
    return kind < 95 ? pod() : cidrAround(ipv4(u32()), kind < 99 ? 24 : 8 + random(24));
  };
  const bgp = (): Cidr =>
    cidrAround(ipv4(u32()), pick([24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 17, 16]));
  const wide = (): Cidr =>
    cidrAround(
      new Address(0xfd000000, random(2 ** 16), 0, u32()),
      pick([...times(95, () => 128), 64, 64, 64, 64, 48]),
    );
  const sections: [
    name: string,
    make: () => Cidr,
    build: string,
    lookup: string,
    update: string,
    memory: string,
  ][] = [
    ["IPv4 ipcache", ipcache, "85 ms", "117 ns", "173-196 ns", "18 MB"],
    ["IPv4 public table", bgp, "88 ms", "316 ns", "173-196 ns", "25 MB"],
    ["IPv6 ipcache", wide, "187 ms", "158 ns", "-", "45 MB"],
  ];
  for (const [name, make, toBuild, toLookUp, toUpdate, memory] of sections) {
    const cidrs: Cidr[] = [];
    const seen = new LpmTable();
    while (cidrs.length < 1_000_000) {
      const cidr = make();
      if (seen.set(cidr, 0) === undefined) cidrs.push(cidr);
    }
    const build = (): LpmTable => {
      const table = new LpmTable();
      for (let i = 0; i < cidrs.length; i++) table.set(cidrs[i]!, i);
      return table;
    };
    const table = build();
    const queries = times(2 ** 20, (i) => (i % 5 < 4 ? pick(cidrs) : make()).last);
    const lookup = measure(queries.length, () => {
      for (let i = 0; i < queries.length; i++) sink += table.lookup(queries[i]!) ?? 0;
    });
    const update = measure(400_000, () => {
      for (let i = 0; i < 200_000; i++) {
        sink += table.delete(cidrs[i]!)!;
        table.set(cidrs[i]!, i);
      }
    });
    row(`${name}, 1 M prefixes: build`, toBuild, ms(measure(1, build, 3)));
    row(`${name}: look-up`, toLookUp, ns(lookup));
    row(`${name}: update`, toUpdate, ns(update));
    row(`${name}: memory`, memory, megabytes(build));
  }
}

/** Ten labels, as a pod in one of 200 namespaces has them. */
function podLabels(): Record<string, string> {
  const app = random(2000);
  return {
    "io.kubernetes.pod.namespace": `ns-${random(200)}`,
    "app.kubernetes.io/name": `app-${app}`,
    "app.kubernetes.io/instance": `app-${app}-${random(3)}`,
    "app.kubernetes.io/part-of": `suite-${app % 300}`,
    tier: `tier-${random(5)}`,
    env: pick(["prod", "stage", "dev"]),
    team: `team-${random(60)}`,
    version: `v${random(20)}`,
    region: `region-${random(4)}`,
    release: `release-${random(1000)}`,
  };
}

function labels(): void {
  const records = times(100_000, podLabels);
  const internAll = (table: LabelTable): void =>
    records.forEach((it) => (sink += table.internRecord("k8s", it).size));
  const table = new LabelTable();
  row(
    "intern a set of 10 labels, cold",
    "3.0 us",
    us(measure(records.length, () => internAll(new LabelTable()), 3)),
  );
  internAll(table);
  row("intern a set of 10 labels, known", "1.8 us", us(measure(records.length, () => internAll(table))));
}

function selectors(): void {
  const table = new LabelTable();
  const sets = times(12_000, () => table.internRecord("k8s", podLabels()));
  const expressions = [
    { key: "env", operator: "In", values: ["prod", "stage"] },
    { key: "env", operator: "NotIn", values: ["dev"] },
    { key: "version", operator: "Exists" },
    { key: "canary", operator: "DoesNotExist" },
  ];
  const inputs = times(5000, () => {
    const like = pick(sets);
    const matchLabels: Record<string, string> = {};
    const key = pick(["app.kubernetes.io/name", "app.kubernetes.io/part-of", "release", "team"]);
    matchLabels[key] = like.get(key)!;
    if (random(100) < 80)
      matchLabels["io.kubernetes.pod.namespace"] = like.get("io.kubernetes.pod.namespace")!;
    return parseSelector(
      random(100) < 15 ? { matchLabels, matchExpressions: [pick(expressions)] } : { matchLabels },
    );
  });
  const started = (): { index: SelectorIndex; selections: Selection[] } => {
    const index = new SelectorIndex(console.error);
    index.update(times(10_000, (i) => [i, sets[i]!] as const));
    return { index, selections: inputs.map((input) => index.acquire(input)) };
  };
  const { index, selections } = started();
  const naive = measure(500, () => {
    for (let s = 0; s < 500; s++)
      for (let i = 0; i < 10_000; i++) sink += Number(matches(inputs[s]!, sets[i]!));
  });
  row("5k selectors x 10k identities: compare all pairs", "3,239 ms", ms(naive * 5000));
  row("5k selectors x 10k identities: start", "64-92 ms", ms(measure(1, () => void started())));
  const add = measure(4000, () => {
    for (let i = 10_000; i < 12_000; i++) index.set(i, sets[i]!);
    for (let i = 10_000; i < 12_000; i++) index.delete(i);
  });
  const hits = selections.reduce((sum, { rows }) => sum + rows.size, 0) / 10_000;
  row(`one identity comes or goes (${hits.toFixed(1)} selectors select it)`, "13 us", us(add));
  row("memory of the index and all results", "2.5 MB", megabytes(started));
}

function maglev(): void {
  const targets: [slots: number, count: number, target: string][] = [
    [16_381, 10, "0.63 ms"],
    [16_381, 100, "0.71 ms"],
    [16_381, 1000, "0.86 ms"],
    [65_521, 100, "2.9 ms"],
    [131_071, 1000, "5.9 ms"],
  ];
  const backends = (count: number, weight: (i: number) => number): { name: string; weight: number }[] =>
    times(count, (i) => ({ name: `10.${i >> 8}.${i & 255}.7:8080/TCP`, weight: weight(i) }));
  for (const [slots, count, target] of targets) {
    const list = backends(count, () => 1);
    row(
      `${slots} slots, ${count} backends`,
      target,
      ms(measure(1, () => (sink += maglevTable(list, slots)[0]!), 20)),
    );
  }
  const weighted = backends(1000, (i) => 1 + (i % 100));
  row(
    "16381 slots, 1000 backends of weight 1 to 100",
    "1.17 ms",
    ms(measure(1, () => (sink += maglevTable(weighted, 16_381)[0]!), 20)),
  );
}

function events(): void {
  for (const [listeners, target] of [
    [1, "18 ns"],
    [10, "13 ns"],
    [100, "12.5 ns"],
  ] as const) {
    const emitter = new TypedEmitter<{ "lease:released": [n: number] }>(console.error);
    for (let i = 0; i < listeners; i++) emitter.on("lease:released", (n) => void (sink += n));
    const took = measure(1_000_000, () => {
      for (let i = 0; i < 1_000_000 / listeners; i++) emitter.emit("lease:released", i);
    });
    row(`one delivery, ${listeners} listeners`, target, ns(took));
  }
}

const SECTIONS = { addresses, ranges, blocks, prefixes, labels, selectors, maglev, events };

row("", "designed for", "here");
for (const [name, run] of Object.entries(SECTIONS)) {
  const chosen = process.argv.slice(2);
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(name);
  run();
}
if (Number.isNaN(sink)) console.log(sink);
