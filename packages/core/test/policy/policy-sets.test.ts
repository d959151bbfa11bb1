import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress, parseCidr, type Address } from "../../src/address/index.ts";
import { Direction, type PolicyKey, type PolicyValue } from "../../src/datapath/schema.generated.ts";
import { LabelTable, matches, type LabelSet } from "../../src/labels/index.ts";
import { covers } from "../../src/policy/l4.ts";
import { parsePolicy, type Policy } from "../../src/policy/parse.ts";
import type { Peer } from "../../src/policy/parse-peers.ts";
import { Peers } from "../../src/policy/peers.ts";
import { knownKey, PolicySets } from "../../src/policy/policy-sets.ts";
import { prefixLabel } from "../../src/policy/prefix-labels.ts";
import { RuleBook } from "../../src/policy/rule-book.ts";
import type { NetworkPolicy, PolicyDirection } from "../../src/policy/types.ts";
import { askPolicy } from "../../src/policy/verdict.ts";

const labels = new LabelTable();
const SUBJECT = labels.fromStrings(["k8s:app=subject", "port:tcp/http=80"]);
const SUBJECT_ID = 1000;
/** What each of the identities below calls its ports. */
const NAMES = [["port:tcp/http=80"], ["port:tcp/http=443", "port:udp/http=53"], [], ["port:tcp/http=no"]];
/** Inside which prefixes they say that they are, and some address of each part of the world where that may be. */
const PLACES = [
  { says: ["10.1.0.0/16"], maybe: ["10.1.0.1", "10.1.7.7"] },
  { says: ["10.0.0.0/8", "10.1.7.7"], maybe: ["10.1.7.7"] },
  { says: ["10.0.0.0/8"], maybe: ["10.0.0.1", "10.1.0.1", "10.1.7.7"] },
  { says: ["192.0.2.1", "2001:db8::1"], maybe: ["192.0.2.1", "2001:db8::1"] },
];
/** Identities that come and go. */
const WORLD: readonly (readonly [number, LabelSet])[] = ["a", "b", "c", "d"].map((app, index) => [
  300 + index,
  labels.fromStrings([
    `k8s:app=${app}`,
    `k8s:tier=${index % 2 === 0 ? "front" : "back"}`,
    ...NAMES[index]!,
    ...PLACES[index]!.says.map(prefixLabel),
  ]),
]);
const PREFIXES = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32"];
const QUESTIONS = [
  { protocol: 6, port: 80 },
  { protocol: 6, port: 443 },
  { protocol: 17, port: 53 },
  { protocol: 1, port: 8 },
];

const selector = fc.constantFrom<NetworkPolicy["subject"]>(
  {},
  { matchLabels: { app: "a" } },
  { matchLabels: { tier: "back" } },
  { matchExpressions: [{ key: "app", operator: "NotIn", values: ["a", "b"] }] },
);

const peer = fc.oneof(
  selector.map((of) => ({ selector: of })),
  fc.constantFrom("world", "cluster", "host", "all", "none", "remote-node").map((entity) => ({ entity })),
  fc.record({ cidr: fc.constantFrom(...PREFIXES), endpoints: fc.boolean() }),
  fc.boolean().map((endpoints) => ({ cidr: "10.0.0.0/8", except: ["10.1.0.0/16"], endpoints })),
);

const ports = fc.constantFrom(
  undefined,
  [{ protocol: "TCP", port: 80 }],
  [{ protocol: "TCP", port: 1, endPort: 1023 }],
  [{ protocol: "UDP" }],
  [{ protocol: "ICMP", icmpType: 8 }, { port: 443 }],
  [{ protocol: "TCP", name: "http" }],
  [{ name: "http" }, { protocol: "TCP", port: 22 }],
);

const rule = fc.record({
  action: fc.constantFrom("allow", "deny"),
  peers: fc.option(fc.array(peer, { minLength: 1, maxLength: 2 }), { nil: undefined }),
  ports,
});

const section = fc.option(fc.array(rule, { maxLength: 3 }), { nil: undefined });

const policy = fc
  .record({ name: fc.constantFrom("p", "q", "r"), ingress: section, egress: section })
  .filter(({ ingress, egress }) => ingress !== undefined || egress !== undefined)
  .map((drawn) =>
    parsePolicy(JSON.parse(JSON.stringify({ ...drawn, subject: { matchLabels: { app: "subject" } } }))),
  );

type Step =
  | { readonly kind: "apply"; readonly policy: Policy }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "add" | "drop"; readonly identity: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  policy.map((drawn) => ({ kind: "apply" as const, policy: drawn })),
  fc.constantFrom("p", "q", "r").map((name) => ({ kind: "remove" as const, name })),
  fc.nat(WORLD.length - 1).map((identity) => ({ kind: "add" as const, identity })),
  fc.nat(WORLD.length - 1).map((identity) => ({ kind: "drop" as const, identity })),
);

/** Everything under test, and a map that is written as the datapath's would be. */
class Bench {
  readonly peers = new Peers(() => {});
  readonly book = new RuleBook(this.peers);
  readonly sets = new PolicySets({ book: this.book, peers: this.peers, mode: "default" });
  readonly policies = new Map<string, Policy>();
  readonly alive = new Map<number, LabelSet>();
  readonly map = new Map<string, PolicyValue>();

  constructor() {
    this.sets.acquire(SUBJECT_ID, SUBJECT);
    this.sets.identitiesChanged([[SUBJECT_ID, SUBJECT]]);
    this.alive.set(SUBJECT_ID, SUBJECT);
    this.update();
  }

  take(next: Step): void {
    if (next.kind === "apply" || next.kind === "remove") {
      const name = next.kind === "apply" ? next.policy.name : next.name;
      const of = next.kind === "apply" ? next.policy : undefined;
      this.book.set(name, of);
      if (of === undefined) this.policies.delete(name);
      else this.policies.set(name, of);
      this.sets.policiesChanged();
    } else {
      const [id, set] = WORLD[next.identity]!;
      if ((next.kind === "add") === this.alive.has(id)) return;
      if (next.kind === "add") this.alive.set(id, set);
      else this.alive.delete(id);
      this.sets.identitiesChanged([[id, next.kind === "add" ? set : undefined]]);
    }
  }

  update(): void {
    this.write();
    // The rows of prefixes are written by now: what a set had to say of those before may go.
    this.peers.settlePrefixes();
    this.write();
  }

  write(): void {
    const { added, removed, forgotten } = this.sets.update();
    for (const [key, value] of added) this.map.set(JSON.stringify(key), value);
    for (const key of [...removed, ...forgotten]) this.map.delete(JSON.stringify(key));
  }

  ask(direction: PolicyDirection, identity: number, protocol: number, port: number): boolean {
    const set = this.sets.of(SUBJECT_ID)!;
    const code = direction === "egress" ? Direction.DIRECTION_EGRESS : Direction.DIRECTION_INGRESS;
    const shape = direction === "egress" ? set.egressShape : set.ingressShape;
    const verdict = askPolicy(
      (of, proto, bits, at) => {
        const key: PolicyKey = {
          policy: set.policy,
          identity: of,
          direction: code,
          protocol: proto,
          portBits: bits,
          port: at,
        };
        const value = this.map.get(JSON.stringify(key));
        return (
          value && { identity: of, protocol: proto, bits, port: at, deny: value.deny === 1, rule: value.rule }
        );
      },
      shape,
      { identity, protocol, port },
      (of) => this.map.has(JSON.stringify(knownKey(of))),
    );
    return verdict.allowed;
  }

  /** Straight from the policies, as their documentation reads. */
  oracle(direction: PolicyDirection, identity: number, protocol: number, port: number): boolean {
    const sections = [...this.policies.values()].flatMap((of) => of[direction] ?? []);
    const point = { protocol, port, bits: 16 };
    const matching = sections
      .flatMap(({ rules }) => rules)
      .filter(
        ({ blocks, named }) =>
          blocks.some((block) => covers(block, point)) ||
          named.some(({ label }) => {
            const destination = direction === "egress" ? this.alive.get(identity) : SUBJECT;
            const tells = label.startsWith("port:tcp/") ? protocol === 6 : protocol === 17;
            return tells && destination?.get(label) === String(port);
          }),
      )
      .filter(({ peers }) => peers === undefined || peers.some((one) => this.#is(one, identity)));
    if (matching.some(({ deny }) => deny)) return false;
    return matching.length > 0 || sections.length === 0;
  }

  #is(one: Peer, identity: number): boolean {
    const set = this.alive.get(identity);
    const prefix = [...this.peers.prefixes].find(([, id]) => id === identity)?.[0];
    if (one.kind === "selector") return set !== undefined && matches(one.selector, set);
    if (one.kind === "cidr") {
      if (prefix === undefined) return false;
      const inside = parseCidr(prefix);
      return one.cidr.containsCidr(inside) && !one.except.some((hole) => hole.containsCidr(inside));
    }
    if (one.kind === "location") {
      const maybe = set === undefined ? [] : PLACES[identity - 300]?.maybe.map(parseAddress);
      const isInside = (address: Address): boolean =>
        one.location.ranges.some((range) => range.contains(address));
      // An allow wants to be sure of every address, a deny to miss none.
      if (maybe === undefined || maybe.length === 0) return false;
      return one.location.inDoubt ? maybe.some(isInside) : maybe.every(isInside);
    }
    if (one.entity === "all") return true;
    if (one.entity === "world") return identity === 2 || prefix !== undefined;
    if (one.entity === "host") return identity === 1;
    if (one.entity === "remote-node") return identity === 6;
    return one.entity === "cluster" && (identity === 1 || identity === 6 || set !== undefined);
  }
}

describe("policy sets", () => {
  it("say after any history what the policies say, and never change their mind under one number", () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 12 }), (history) => {
        const bench = new Bench();
        const said = new Map<string, boolean>();
        for (const steps of history) {
          for (const next of steps) bench.take(next);
          bench.update();
          const ids = [1, 2, 6, ...bench.alive.keys(), ...bench.peers.prefixes.values()];
          const { policy: set } = bench.sets.of(SUBJECT_ID)!;
          for (const direction of ["egress", "ingress"] as const) {
            for (const id of ids) {
              for (const { protocol, port } of QUESTIONS) {
                const verdict = bench.ask(direction, id, protocol, port);
                expect(verdict).toBe(bench.oracle(direction, id, protocol, port));
                // What a flow was allowed under stays true as long as both numbers stay: conntrack relies on it.
                const memory = `${set} ${direction} ${id} ${protocol} ${port}`;
                expect(said.get(memory) ?? verdict).toBe(verdict);
                said.set(memory, verdict);
              }
            }
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it("leave nothing in the map but the sets in force and the marks of known identities", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (history) => {
        const bench = new Bench();
        for (const next of history) {
          bench.take(next);
          bench.update();
        }
        const { policy: set, entries } = bench.sets.of(SUBJECT_ID)!;
        const keys = [...bench.map.keys()].map((key) => JSON.parse(key) as PolicyKey);
        expect(keys.filter((key) => key.policy === set)).toHaveLength(entries.size);
        expect(keys.filter((key) => key.policy === 0)).toHaveLength(bench.alive.size);
        expect(keys.every((key) => key.policy === set || key.policy === 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("let an identity that is not known yet pass by no wider allow where endpoints are denied", () => {
    const bench = new Bench();
    const stranger = 4000;
    const allowAll = parsePolicy({ name: "p", subject: {}, ingress: [{}] });
    bench.take({ kind: "apply", policy: allowAll });
    bench.update();
    expect(bench.ask("ingress", stranger, 6, 80)).toBe(true);
    const denyBad = { action: "deny", peers: [{ selector: { matchLabels: { app: "bad" } } }] };
    bench.take({ kind: "apply", policy: parsePolicy({ name: "q", subject: {}, ingress: [denyBad] }) });
    bench.update();
    // It may be the very one that is denied.
    expect(bench.ask("ingress", stranger, 6, 80)).toBe(false);
    expect(bench.ask("ingress", 2, 6, 80)).toBe(true);
    bench.take({ kind: "add", identity: 0 });
    bench.update();
    expect(bench.ask("ingress", 300, 6, 80)).toBe(true);
  });

  it.each([
    ["their addresses", { action: "deny", peers: [{ cidr: "10.0.0.0/8", endpoints: true }] }],
    ["the ports they name", { action: "deny", ports: [{ protocol: "TCP", name: "http" }] }],
  ])("do so too where endpoints are denied by %s", (_, deny) => {
    const bench = new Bench();
    bench.take({ kind: "apply", policy: parsePolicy({ name: "p", subject: {}, egress: [{}, deny] }) });
    bench.update();
    expect(bench.ask("egress", 4000, 6, 80)).toBe(false);
    bench.take({ kind: "add", identity: 3 });
    bench.update();
    expect(bench.ask("egress", 303, 6, 80)).toBe(true);
  });

  it("grow in place for an identity that is new, and take a new number for anything else", () => {
    const bench = new Bench();
    bench.take({
      kind: "apply",
      policy: parsePolicy({
        name: "p",
        subject: {},
        ingress: [{ peers: [{ selector: { matchLabels: { tier: "front" } } }] }],
      }),
    });
    bench.take({ kind: "add", identity: 0 });
    bench.update();
    const first = bench.sets.of(SUBJECT_ID)!.policy;
    bench.take({ kind: "add", identity: 2 });
    bench.update();
    expect(bench.sets.of(SUBJECT_ID)!.policy).toBe(first);
    expect(bench.ask("ingress", 302, 6, 80)).toBe(true);
    bench.take({ kind: "drop", identity: 2 });
    bench.update();
    const second = bench.sets.of(SUBJECT_ID)!.policy;
    expect(second).not.toBe(first);
    // The number is known to have been somebody else's.
    bench.take({ kind: "add", identity: 2 });
    bench.update();
    expect(bench.sets.of(SUBJECT_ID)!.policy).not.toBe(second);
  });
});

describe("a policy set of very many entries", () => {
  it("is built whole, and grows by what is new", () => {
    const peers = new Peers(() => {});
    const book = new RuleBook(peers);
    const sets = new PolicySets({ book, peers, mode: "default" });
    const labels = new LabelTable();
    const web = labels.fromStrings(["k8s:app=web"]);
    sets.identitiesChanged(Array.from({ length: 2000 }, (_, index) => [256 + index, web]));
    const ports = Array.from({ length: 40 }, (_, index) => ({
      protocol: "TCP" as const,
      port: 1000 + index * 2,
    }));
    for (const name of ["a", "b"]) {
      const shifted = ports.map(({ protocol, port }) => ({ protocol, port: port + (name === "a" ? 0 : 1) }));
      const ingress = [{ peers: [{ selector: {} }], ports: shifted }];
      book.set(name, parsePolicy({ name, subject: {}, ingress }));
    }
    sets.acquire(300, web);
    // More than a function call takes arguments.
    expect(sets.update().added.filter(([{ policy }]) => policy !== 0)).toHaveLength(160_000);
    sets.identitiesChanged([[9000, web]]);
    expect(sets.update().added.filter(([{ policy }]) => policy !== 0)).toHaveLength(80);
  });
});
