import { describe, expect, it } from "vitest";
import { parseAddress } from "../../src/address/index.ts";
import { Derivation } from "../../src/agent/derivation.ts";
import { Direction, type EndpointKey, type EndpointValue } from "../../src/datapath/schema.generated.ts";
import { FactTables } from "../../src/facts/fact-tables.ts";
import { Keys } from "../../src/facts/keys.ts";
import { RESERVED_IDENTITIES } from "../../src/identity/numeric.ts";
import { LabelTable } from "../../src/labels/index.ts";
import { memoryMaps, type MemoryMaps } from "../../src/memory/index.ts";
import { knownKey } from "../../src/policy/policy-sets.ts";
import type { NetworkPolicy } from "../../src/policy/types.ts";
import { askPolicy } from "../../src/policy/verdict.ts";
import type { Json } from "../../src/ports/store.ts";

const keys = new Keys();
const POD = parseAddress("10.1.1.2");
const OUTSIDE = parseAddress("203.0.113.7");
const WORLD = RESERVED_IDENTITIES.world;
const BATCH = 300;

/** One node with one pod, and an eye on every single write of its tables. */
class Node {
  readonly maps: MemoryMaps;
  readonly #facts: FactTables;
  readonly #derivation: Derivation;
  #revision = 0;
  /** What one asks after each write. */
  question: (() => boolean) | undefined;
  readonly answers = new Set<boolean>();

  constructor(maps = memoryMaps()) {
    this.maps = maps;
    const labels = new LabelTable();
    const report = (error: unknown): never => {
      throw error;
    };
    this.#facts = new FactTables({ keys, labels, report });
    this.#derivation = new Derivation({
      node: "node1",
      enforcement: "default",
      worldIdentity: WORLD,
      facts: this.#facts,
      labels,
      report,
    });
    this.#derivation.adopt(maps);
    this.#derivation.setAttachment("web", {
      name: "web",
      ifindex: 7,
      interface: "x",
      mac: 1,
      gatewayMac: 2,
    });
    this.#put("nodes/node1", { name: "node1", addresses: ["192.0.2.1"], podCIDRs: [], routers: [] });
    this.identity(400, "web");
    this.pod(400, "web");
  }

  /** The pod has this identity from now on, or is on its way out. */
  pod(identity: number, app: string, state: "live" | "retired" = "live"): void {
    const owner = { name: "web", node: "node1", owner: "web#1", id: 1, pool: "", netns: "", interface: "" };
    const rest = { identity, labels: [`k8s:app=${app}`], addresses: ["10.1.1.2"], state };
    this.#put("endpoints/node1/web#1", { ...owner, ...rest });
  }

  /** `undefined`: nobody uses it any more. */
  identity(id: number, app: string | undefined): void {
    const retired = app === undefined ? { retired: true } : {};
    this.#put(`identities/${id}`, { labels: [`k8s:app=${app}`], settled: 1, ...retired });
  }

  policy(name: string, ingress: NetworkPolicy["ingress"]): void {
    const policy = { name, subject: {}, ingress, defaultDeny: { ingress: false } };
    this.#put(`policies/${name}`, JSON.parse(JSON.stringify(policy)) as Json);
  }

  remove(name: string): void {
    const revision = ++this.#revision;
    const changes = this.#facts.apply(
      [{ type: "delete", key: `${keys.state}policies/${name}`, revision }],
      revision,
    );
    this.#derivation.apply(changes);
  }

  write(): void {
    this.#derivation.write(watched(this.maps, () => this.question && this.answers.add(this.question())));
  }

  lets(identity: number): boolean {
    const pod = this.maps.endpoints.get({ address: POD });
    if (pod === undefined) return false;
    const known = (peer: number): boolean => this.maps.policy.get(knownKey(peer)) !== undefined;
    const direction = Direction.DIRECTION_INGRESS;
    const lookup = (peer: number, protocol: number, portBits: number, port: number) => {
      const key = { policy: pod.policy, identity: peer, direction, protocol, portBits, port };
      const value = this.maps.policy.get(key);
      const entry = { identity: peer, protocol, bits: portBits, port };
      return value === undefined ? undefined : { ...entry, deny: value.deny !== 0, rule: value.rule };
    };
    return askPolicy(lookup, pod.ingressShape, { identity, protocol: 6, port: 80 }, known).allowed;
  }

  letsOutside(): boolean {
    const row = this.maps.ipcachePrefixes.get({ prefixLength: 128, address: OUTSIDE });
    return this.lets(row?.identity ?? WORLD);
  }

  #put(key: string, value: Json): void {
    const revision = ++this.#revision;
    const entry = { key: `${keys.state}${key}`, value, created: revision, revision };
    this.#derivation.apply(this.#facts.apply([{ type: "put", entry }], revision));
  }
}

/** The same tables, written one entry at a time, with a look in between. */
function watched(maps: MemoryMaps, look: () => void): MemoryMaps {
  const wrap = <T extends object>(table: T): T =>
    new Proxy(table, {
      get(target, property) {
        const one = (name: "set" | "delete") => (of: readonly unknown[]) => {
          (target as Record<string, (...of: unknown[]) => unknown>)[name]!(...of);
          look();
        };
        if (property === "setMany") return (entries: readonly unknown[][]) => entries.forEach(one("set"));
        if (property === "deleteMany")
          return (gone: readonly unknown[]) => gone.forEach((key) => one("delete")([key]));
        const value = Reflect.get(target, property, target) as unknown;
        return typeof value === "function" ? (value as (...of: unknown[]) => unknown).bind(target) : value;
      },
    });
  return {
    ...maps,
    policy: wrap(maps.policy),
    endpoints: wrap<MemoryMaps["endpoints"]>(maps.endpoints) satisfies {
      get(key: EndpointKey): EndpointValue | undefined;
    },
    ipcachePrefixes: wrap(maps.ipcachePrefixes),
  };
}

describe("between two writes of one pass", () => {
  it("an identity that is new with a policy passes by no deny of the policy before", () => {
    const node = new Node();
    node.policy("no-batch", [{ action: "deny", peers: [{ selector: { matchLabels: { app: "batch" } } }] }]);
    node.write();
    node.identity(BATCH, "batch");
    node.policy("other", [{ action: "deny", peers: [{ selector: { matchLabels: { app: "db" } } }] }]);
    node.question = () => node.lets(BATCH);
    node.write();
    expect([...node.answers]).toEqual([false]);
  });

  it("an identity that is new as a pod goes is not let through to it in its last moment", () => {
    const node = new Node();
    node.policy("no-batch", [{ action: "deny", peers: [{ selector: { matchLabels: { app: "batch" } } }] }]);
    node.write();
    node.identity(BATCH, "batch");
    node.pod(400, "web", "retired");
    node.question = () => node.lets(BATCH);
    node.write();
    expect([...node.answers]).toEqual([false]);
    expect(node.maps.endpoints.get({ address: POD })).toBeUndefined();
  });

  it("an identity is not let through by its first entries before its denies are there", () => {
    const node = new Node();
    const peers = [{ selector: { matchLabels: { app: "batch" } } }];
    node.policy("some-batch", [
      { peers },
      { action: "deny", peers, ports: [{ protocol: "TCP", port: 80 }] },
      { action: "deny", peers: [{ selector: { matchLabels: { app: "db" } } }] },
    ]);
    node.write();
    node.identity(BATCH, "batch");
    node.question = () => node.lets(BATCH);
    node.write();
    expect([...node.answers]).toEqual([false]);
  });

  it("an address stays denied while the prefix around it gets, and loses, a number of its own", () => {
    const node = new Node();
    node.policy("world", [{ action: "deny", peers: [{ entity: "world" }] }]);
    node.write();
    node.question = () => node.letsOutside();
    node.policy("prefix", [{ peers: [{ cidr: "203.0.113.0/24" }] }]);
    node.write();
    node.policy("narrow", [{ peers: [{ cidr: "203.0.113.0/28" }] }]);
    node.write();
    node.remove("prefix");
    node.write();
    node.remove("narrow");
    node.write();
    expect([...node.answers]).toEqual([false]);
    const outside = [...node.maps.policy.entries()].filter(([key]) => key.identity > 0x0100_0000);
    expect(outside, "nothing is left of a number that nobody has").toEqual([]);
  });

  it("an address stays denied while its pod becomes another and the prefix around it gets a number", () => {
    const node = new Node();
    node.policy("world", [{ action: "deny", peers: [{ entity: "world" }] }]);
    node.write();
    node.identity(401, "db");
    node.pod(401, "db");
    node.policy("prefix", [{ peers: [{ cidr: "203.0.113.0/24" }] }]);
    node.question = () => node.letsOutside();
    node.write();
    expect([...node.answers]).toEqual([false]);
  });

  it("an address stays denied while a restarted agent takes over, whichever prefixes are named now", () => {
    for (const cidrs of [[], ["203.0.113.0/24"], ["203.0.113.0/28"], ["203.0.0.0/16"]]) {
      const before = new Node();
      before.policy("world", [{ action: "deny", peers: [{ entity: "world" }] }]);
      before.policy("prefix", [{ peers: [{ cidr: "203.0.113.0/24" }] }]);
      before.write();
      const node = new Node(before.maps);
      node.policy("world", [{ action: "deny", peers: [{ entity: "world" }] }]);
      for (const cidr of cidrs) node.policy(cidr.replace("/", "-"), [{ peers: [{ cidr }] }]);
      node.question = () => node.letsOutside();
      node.write();
      expect([...node.answers], String(cidrs)).toEqual([false]);
    }
  });

  it("an identity that comes and goes between two passes leaves no mark", () => {
    const node = new Node();
    node.write();
    node.identity(BATCH, "batch");
    node.identity(BATCH, undefined);
    node.write();
    expect(node.maps.policy.get(knownKey(BATCH))).toBeUndefined();
  });
});
