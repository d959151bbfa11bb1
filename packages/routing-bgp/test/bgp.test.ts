import type { RoutedService } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { describe, expect, it } from "vitest";
import { bgp, type BgpRouting } from "../src/bgp.ts";
import type { SpeakerDriver } from "../src/driver.ts";
import { localDriver } from "../src/local-driver.ts";
import type { BgpOptions } from "../src/options.ts";
import { FakeContext, PREFIX } from "./support/context.ts";
import { fakeSpeakers, type FakeSpeaker } from "./support/fake-speaker.ts";

const web: RoutedService = {
  name: "default/web",
  labels: {},
  addresses: { ClusterIP: [], ExternalIP: [], LoadBalancerIP: ["198.51.100.1"] },
  externalTrafficPolicy: "local",
  backends: { total: 1, local: 1 },
};

const everything = [
  { type: "PodCIDR" },
  { type: "Service", selector: {}, service: { addresses: ["LoadBalancerIP"] } },
] as const;

type Given<T> = T extends unknown ? Omit<T, "driver"> : never;

type Wrap = (driver: SpeakerDriver, instance: string) => SpeakerDriver;

function bench(options: Given<BgpOptions>, wrap: Wrap = (driver) => driver) {
  const { createSpeaker, all } = fakeSpeakers();
  const context = new FakeContext(memoryStore());
  const { clock } = context;
  const driver = (instance: string): SpeakerDriver => wrap(localDriver(createSpeaker, { clock }), instance);
  const routing: BgpRouting = bgp({ install: false, ...options, driver });
  const settle = async (): Promise<void> => {
    await context.clock.advance(0);
    await routing.settled();
  };
  const speaker = (): FakeSpeaker => all.at(-1)!;
  /** Every prefix a peer is told, by what the policy says of its sets. */
  const told = (peer = "tor"): readonly string[] => {
    const families = speaker().config.peers.find(({ name }) => name === peer)?.families ?? {};
    const sets = Object.values(families).flatMap(
      ({ export: policy }) => policy?.statements.flatMap(({ match }) => match?.sets ?? []) ?? [],
    );
    return [...new Set(sets)]
      .flatMap(
        (name) =>
          speaker()
            .sets.get(name)
            ?.map(({ prefix }) => prefix) ?? [],
      )
      .sort();
  };
  return { routing, context, settle, speaker, told, all };
}

const fixed = {
  asn: 65_001,
  peers: [{ name: "tor", asn: 65_000, address: "192.0.2.1", import: "all" }],
  advertise: everything,
} as const;

/** Of a driver, to be spread: its methods are its class's. */
function methodsOf(driver: SpeakerDriver): SpeakerDriver {
  return {
    events: driver.events,
    configure: (settings) => driver.configure(settings),
    advertise: (sets) => driver.advertise(sets),
    peers: () => driver.peers(),
    routes: (query) => driver.routes(query),
    explain: (...parameters) => driver.explain(...parameters),
    refresh: (...parameters) => driver.refresh(...parameters),
    reset: (...parameters) => driver.reset(...parameters),
    close: (...parameters) => driver.close(...parameters),
    uninstall: (install) => driver.uninstall(install),
    release: () => driver.release(),
  };
}

describe("bgp with options", () => {
  it("makes a speaker that tells the peers of this node's pods, unless told otherwise", async () => {
    const { routing, context, settle, speaker, told } = bench({
      asn: 65_001,
      peers: [
        { asn: 65_000, address: "2001:db8::1", password: "secret", import: "all" },
        { asn: "any", interface: "eth1" },
      ],
    });
    routing.follow(context);
    await settle();
    expect(speaker().config).toMatchObject({ asn: 65_001, routerId: "192.0.2.11" });
    expect(speaker().config.peers).toMatchObject([
      {
        name: "2001-db8-1",
        remote: { address: "2001:db8::1" },
        transport: { md5: "secret" },
        families: {
          "ipv4-unicast": { import: { statements: [{ action: "accept" }] }, nextHop: "192.0.2.11" },
        },
      },
      { name: "eth1", remote: { interface: "eth1" }, remoteAsn: "any" },
    ]);
    expect(told("2001-db8-1")).toEqual(["10.244.1.0/24"]);
    expect(context.errors).toEqual([]);
  });

  it("follows the facts", async () => {
    const { routing, context, settle, speaker, told } = bench(fixed);
    routing.follow(context);
    await settle();
    expect(told()).toEqual(["10.244.1.0/24"]);
    context.change({ services: [web] });
    await settle();
    expect(told()).toEqual(["10.244.1.0/24", "198.51.100.1/32"]);
    context.change({ services: [{ ...web, backends: { total: 1, local: 0 } }] });
    await settle();
    expect(told()).toEqual(["10.244.1.0/24"]);
    context.change({ services: [web] });
    routing.drain(true);
    await settle();
    expect(told()).toEqual(["10.244.1.0/24"]);
    expect(speaker().log.filter((line) => line === "advertise static-0 1")).toEqual([]);
  });

  it("asks for the addresses of devices that are advertised, and of no others", async () => {
    const asked: string[] = [];
    const addressesOf = (device: string): readonly string[] => {
      asked.push(device);
      return ["192.0.2.77"];
    };
    const { routing, context, settle, told } = bench({
      ...fixed,
      advertise: [{ type: "Interface", interface: "anycast0" }],
      addressesOf,
    });
    routing.follow(context);
    await settle();
    expect(told()).toEqual(["192.0.2.77/32"]);
    expect(asked).toEqual(["anycast0"]);
  });

  it("does not touch the speaker when nothing has changed for it", async () => {
    const { routing, context, settle, speaker } = bench(fixed);
    routing.follow(context);
    await settle();
    const before = [...speaker().log];
    context.change({ node: { routers: [] } });
    context.change({});
    await settle();
    expect(speaker().log).toEqual(before);
  });

  it("keeps a prefix allowed while it moves from one set to another", async () => {
    const pool = { type: "Pool", selector: {}, attributes: { localPreference: 200 } } as const;
    const { routing, context, settle, speaker } = bench({ ...fixed, advertise: [{ type: "PodCIDR" }, pool] });
    routing.follow(context);
    await settle();
    const pools = [{ name: "p", labels: {}, ranges: ["10.244.1.0/24"] }];
    const allowed: unknown[] = [];
    const advertise = speaker().advertise.bind(speaker());
    speaker().advertise = (set, routes) => {
      const [peer] = speaker().config.peers;
      const { statements } = peer!.families!["ipv4-unicast"]!.export!;
      allowed.push([set, [...routes].length, statements.flatMap(({ match }) => match?.sets ?? [])]);
      advertise(set, routes);
    };
    context.change({ pools });
    await settle();
    expect(allowed).toEqual([
      ["static/0+static/1", 1, ["static/0+static/1", "static/0"]],
      ["static/0", 0, ["static/0+static/1", "static/0"]],
    ]);
  });

  it("tells of a refused configuration once, advertises with the old one, and tries again", async () => {
    const { routing, context, settle, speaker } = bench(fixed);
    routing.follow(context);
    await settle();
    speaker().refusal = new Error("no");
    context.change({ services: [web], node: { podCIDRs: [] } });
    await settle();
    context.change({});
    await settle();
    expect(context.errors).toHaveLength(1);
    expect([...speaker().sets.keys()]).toEqual(["static/1"]);
    speaker().refusal = undefined;
    await context.clock.advance(5000);
    await settle();
    expect(speaker().log.at(-1)).toBe("apply");
  });

  it("lets go of its speakers when it is disposed of, and ends them when it is closed", async () => {
    for (const mode of ["preserve", "withdraw"] as const) {
      const { routing, context, settle, speaker } = bench(fixed);
      routing.follow(context);
      await settle();
      await (mode === "preserve" ? routing[Symbol.asyncDispose]() : routing.close(mode));
      expect(speaker().closed).toBe(mode);
      expect(context.listeners).toBe(0);
      context.change({ node: { podCIDRs: [] } });
      await settle();
      expect(routing.speaker("default")).toBeUndefined();
    }
  });

  it("says goodbye when the node is no node any more", async () => {
    const { routing, context, settle, speaker } = bench(fixed);
    routing.follow(context);
    await settle();
    await routing.uninstall();
    expect(speaker().closed).toBe("withdraw");
    expect(context.listeners).toBe(0);
  });

  it("says goodbye though it has followed nobody, or follows nobody any more", async () => {
    for (const followed of [false, true]) {
      const goodbyes: unknown[] = [];
      let released = 0;
      const ended: Wrap = (driver, instance) => ({
        ...methodsOf(driver),
        uninstall: async (install) => void goodbyes.push([instance, install]),
        release: async () => void (released += 1),
      });
      const { routing, context, settle } = bench({ ...fixed, install: { metric: 7 } }, ended);
      if (followed) {
        routing.follow(context);
        await settle();
        await routing[Symbol.asyncDispose]();
      }
      released = 0;
      await routing.uninstall();
      expect(goodbyes).toEqual([["default", { metric: 7 }]]);
      expect(released).toBe(1);
    }
  });

  it("waits for no speaker that cannot be reached then", async () => {
    const { createSpeaker } = fakeSpeakers();
    const context = new FakeContext(memoryStore());
    let released = 0;
    const routing = bgp({
      ...fixed,
      install: false,
      driver: () => ({
        ...methodsOf(localDriver(createSpeaker)),
        uninstall: () => new Promise<void>(() => undefined),
        release: async () => void (released += 1),
      }),
    });
    routing.follow(context);
    await routing.settled();
    const gone = routing.uninstall();
    const late = { errors: [expect.objectContaining({ code: "ERR_TIMEOUT" })] };
    await Promise.all([
      expect(gone).rejects.toMatchObject(late),
      new Promise(setImmediate).then(() => context.clock.advance(5000)),
    ]);
    expect(released).toBe(1);
    expect(context.clock.pending).toBe(0);
  });

  it("has no peers where the speaker says nothing", async () => {
    const { createSpeaker } = fakeSpeakers();
    const context = new FakeContext(memoryStore());
    const routing = bgp({
      ...fixed,
      install: false,
      driver: () => ({
        ...methodsOf(localDriver(createSpeaker)),
        peers: () => new Promise(() => undefined),
      }),
    });
    routing.follow(context);
    await routing.settled();
    const status = routing.status();
    await context.clock.advance(5000);
    expect((await status).instances).toMatchObject([{ name: "default", peers: [] }]);
  });

  it.each([
    [{ asn: 1, peers: [], driver: "local" }, "ERR_OPTIONS_INVALID", "driver"],
    [{ asn: 1, peers: [], driver: () => {}, peer: [] }, "ERR_OPTIONS_INVALID", "there is no option peer"],
    [{ asn: 1, peers: {}, driver: () => {} }, "ERR_OPTIONS_INVALID", "peers is no list"],
    [{ asn: 1, peers: [], nativeCidr: "10/8", driver: () => {} }, "ERR_OPTIONS_INVALID", "nativeCidr"],
    [{ asn: 0, peers: [], driver: () => {} }, "ERR_BGP_INVALID", "localAsn 0"],
    [{ asn: 1, peers: [{ asn: 2 }], driver: () => {} }, "ERR_BGP_INVALID", "name"],
    [
      { asn: 1, peers: [{ name: "a", asn: 2 }], driver: () => {} },
      "ERR_BGP_INVALID",
      "peerAddress or interface",
    ],
    [
      { asn: 1, peers: [{ asn: 2, address: "192.0.2.1", timers: { hold: 1 } }], driver: () => {} },
      "ERR_BGP_INVALID",
      "timers.hold 1",
    ],
    [{ asn: 1, peers: [], install: true }, "ERR_OPTIONS_INVALID", "option install is no object"],
    [{ asn: 1, peers: [], install: null }, "ERR_OPTIONS_INVALID", "option install is no object"],
    [{ asn: 1, peers: [], install: { metrics: 7 } }, "ERR_OPTIONS_INVALID", "install has no metrics"],
    [{ asn: 1, peers: [], install: { metric: 0 } }, "ERR_OPTIONS_INVALID", "install.metric is out of range"],
    [{ asn: 1, peers: [], install: { table: "main" } }, "ERR_OPTIONS_INVALID", "install.table is out of"],
    [{ asn: 1, peers: [], addressesOf: ["::1"] }, "ERR_OPTIONS_INVALID", "addressesOf is no function"],
    [{ asn: 1, peers: [], routerId: "0.0.0.0" }, "ERR_BGP_INVALID", "options: routerId"],
    [{ asn: 1, peers: [], routerId: 7 }, "ERR_BGP_INVALID", "options: routerId"],
    [{ resources: true, secrets: { word: "x" } }, "ERR_OPTIONS_INVALID", "secrets is no function"],
    [{ resources: true, asn: 1, driver: () => {} }, "ERR_OPTIONS_INVALID", "there is no option asn"],
  ])("refuses what cannot be right: %#", (options, code, message) => {
    const make = (): unknown => bgp(options as unknown as BgpOptions);
    expect(make).toThrow(expect.objectContaining({ code }) as Error);
    expect(make).toThrow(message);
  });
});

describe("bgp with resources in the store", () => {
  const cluster = {
    name: "all",
    instances: [
      {
        name: "main",
        localAsn: 65_001,
        peers: [{ name: "tor", peerAsn: 65_000, peerAddress: "192.0.2.1", peerConfigRef: "tor" }],
      },
    ],
  };
  const peer = {
    name: "tor",
    authSecretRef: "word",
    families: [{ family: "ipv4-unicast", advertisements: { matchLabels: { to: "tor" } } }],
  };
  const advertisement = { name: "pods", labels: { to: "tor" }, advertisements: [{ type: "PodCIDR" }] };

  async function put(context: FakeContext, path: string, value: unknown): Promise<void> {
    const key = `${PREFIX}${path}`;
    const known = await context.store.get(key);
    if (known === undefined) await context.store.create(key, value as never);
    else await context.store.update(key, value as never, { revision: known.revision });
  }

  async function stored(options: Partial<Given<BgpOptions>> = {}, wrap?: Wrap) {
    const at = bench({ resources: true, ...options }, wrap);
    await put(at.context, "config/cluster-configs/all", cluster);
    await put(at.context, "config/peer-configs/tor", peer);
    await put(at.context, "config/advertisements/pods", advertisement);
    await put(at.context, "config/secrets/word", "secret");
    const settle = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn += 1) await at.settle();
    };
    return { ...at, settle };
  }

  it("is what they say, and becomes what they say next", async () => {
    const { routing, context, settle, speaker, told } = await stored();
    const effects: unknown[] = [];
    routing.events.on("config:applied", (name, { soft }) => effects.push([name, soft]));
    routing.follow(context);
    await settle();
    expect(speaker().config.peers[0]).toMatchObject({ name: "tor", transport: { md5: "secret" } });
    expect(told()).toEqual(["10.244.1.0/24"]);
    await put(context, "config/advertisements/pods", { ...advertisement, labels: {} });
    await settle();
    expect(told()).toEqual([]);
    expect(effects).toEqual([["main", ["tor"]]]);
    expect(context.errors).toEqual([]);
  });

  it("asks for passwords where a function knows them", async () => {
    const { routing, context, settle, speaker } = await stored({
      secrets: async (name: string) => `of ${name}`,
    });
    routing.follow(context);
    await settle();
    expect(speaker().config.peers[0]?.transport?.md5).toBe("of word");
  });

  it("takes no password that is no text, and does not say what it was", async () => {
    const secrets = (() => ({ password: "hush" })) as unknown as () => string;
    const { routing, context, settle, speaker } = await stored({ secrets });
    routing.follow(context);
    await settle();
    expect(speaker().config.peers).toEqual([]);
    expect(context.errors).toMatchObject([{ code: "ERR_BGP_INVALID", input: undefined }]);
    expect(String(context.errors)).not.toContain("hush");
  });

  it("tells of what is missing, and of its end", async () => {
    const { routing, context, settle, speaker } = await stored();
    const heard: unknown[] = [];
    routing.events.on("conditions:changed", (conditions) => heard.push(conditions.map(({ type }) => type)));
    await context.store.delete(`${PREFIX}config/secrets/word`);
    routing.follow(context);
    await settle();
    expect(speaker().config.peers).toEqual([]);
    await put(context, "config/secrets/word", "secret");
    await settle();
    expect(speaker().config.peers).toHaveLength(1);
    expect(heard).toEqual([["MissingAuthSecret"], []]);
  });

  it("keeps to what it last understood where a resource is broken, and says so", async () => {
    const { routing, context, settle, speaker } = await stored();
    routing.follow(context);
    await settle();
    await put(context, "config/peer-configs/tor", { ...peer, timers: { hold: 1 } });
    await put(context, "config/cluster-configs/other", cluster);
    await settle();
    expect(context.errors).toMatchObject([
      { code: "ERR_BGP_INVALID", message: expect.stringContaining("peer-configs/tor at revision") as string },
      { code: "ERR_BGP_INVALID", message: expect.stringContaining("its name is all") as string },
    ]);
    expect(speaker().config.peers).toHaveLength(1);
  });

  it("drains a node whose override says so", async () => {
    const { routing, context, settle, told } = await stored();
    const both = { ...advertisement, advertisements: everything };
    await put(context, "config/advertisements/pods", both);
    context.change({ services: [web] });
    routing.follow(context);
    await settle();
    expect(told()).toEqual(["10.244.1.0/24", "198.51.100.1/32"]);
    await put(context, "config/node-overrides/n1", { name: "n1", draining: true, instances: [] });
    await settle();
    expect(told()).toEqual(["10.244.1.0/24"]);
  });

  it("lets the older of two configurations have the node", async () => {
    const { routing, context, settle, speaker } = await stored();
    await put(context, "config/cluster-configs/a", { ...cluster, name: "a", instances: [] });
    routing.follow(context);
    await settle();
    expect(speaker().config.asn).toBe(65_001);
    expect((await routing.status()).conditions).toMatchObject([
      { type: "ConflictingClusterConfig", subject: "a" },
    ]);
  });

  it("ends a speaker that is configured no more, and starts another where one is", async () => {
    const { routing, context, settle, speaker, all } = await stored();
    routing.follow(context);
    await settle();
    const [instance] = cluster.instances;
    await put(context, "config/cluster-configs/all", {
      ...cluster,
      instances: [{ ...instance, name: "next" }],
    });
    await settle();
    expect(all[0]?.closed).toBe("withdraw");
    expect(speaker().closed).toBeUndefined();
    context.change({ node: { labels: {} } });
    await context.store.delete(`${PREFIX}config/cluster-configs/all`);
    await settle();
    expect(speaker().closed).toBe("withdraw");
  });

  it("configures others though one that leaves says nothing, and lets go of that one after a while", async () => {
    let released = 0;
    const deaf: Wrap = (driver, instance) => ({
      ...methodsOf(driver),
      ...(instance === "main" ? { close: () => new Promise(() => undefined) } : {}),
      release: async () => {
        await driver.release();
        if (instance === "main") released += 1;
      },
    });
    const { routing, context, settle, all } = await stored({}, deaf);
    const [main] = cluster.instances;
    const named = (...names: readonly string[]) => ({
      ...cluster,
      instances: names.map((name) => ({ ...main, name })),
    });
    const turns = (): Promise<void> => context.clock.advance(0);
    await put(context, "config/cluster-configs/all", named("main", "other"));
    routing.follow(context);
    await settle();
    const [, other] = all;
    await put(context, "config/cluster-configs/all", named("other", "third"));
    await turns();
    context.change({ node: { podCIDRs: ["10.244.9.0/24"] } });
    await turns();
    expect([...other!.sets.values()].flat()).toMatchObject([{ prefix: "10.244.9.0/24" }]);
    // What the one that leaves has, the new one may need.
    expect(routing.speaker("third")).toBeUndefined();
    await context.clock.advance(5000);
    await settle();
    expect(released).toBe(1);
    expect(context.errors).toMatchObject([{ code: "ERR_TIMEOUT" }]);
    expect(routing.speaker("third")).toBeDefined();
    await routing[Symbol.asyncDispose]();
    expect(context.clock.pending).toBe(0);
  });

  it("gives each of several speakers a metric, and none that another still has", async () => {
    const installs: Record<string, unknown[]> = { a: [], b: [] };
    let leave: (() => void) | undefined;
    const told: Wrap = (driver, instance) => ({
      ...methodsOf(driver),
      configure: ({ config, install }) => {
        installs[instance]?.push(install);
        return driver.configure({ config, install: false });
      },
      close: () => new Promise((resolve) => (leave = resolve)),
    });
    const { routing, context, settle } = await stored({ install: { table: 7 } }, told);
    const [main] = cluster.instances;
    const named = (...names: readonly string[]) => ({
      ...cluster,
      instances: names.map((name) => ({ ...main, name })),
    });
    await put(context, "config/cluster-configs/all", named("b", "a"));
    routing.follow(context);
    await settle();
    expect(installs).toEqual({ a: [{ table: 7 }], b: [{ table: 7, metric: 180 }] });
    await put(context, "config/cluster-configs/all", named("b"));
    await context.clock.advance(0);
    expect(installs["b"]).toHaveLength(1);
    leave?.();
    await settle();
    expect(installs["b"]).toEqual([{ table: 7, metric: 180 }, { table: 7 }]);
    expect(context.errors).toEqual([]);
  });

  it("leaves no timer behind when its peers change while it ends", async () => {
    const { routing, context, settle, speaker } = await stored();
    routing.follow(context);
    await settle();
    await context.clock.advance(1000);
    const close = speaker().close.bind(speaker());
    speaker().close = (mode) => {
      speaker().become("tor", { state: "idle" });
      return close(mode);
    };
    await routing[Symbol.asyncDispose]();
    expect(context.clock.pending).toBe(0);
  });

  it("takes its status out of the store when the node is no node any more, also one on its way there", async () => {
    const { routing, context, settle, speaker } = await stored();
    routing.follow(context);
    await settle();
    await context.clock.advance(1000);
    expect(await context.store.get(`${PREFIX}status/n1`)).toBeDefined();
    speaker().become("tor");
    const writing = context.clock.advance(500);
    await routing.uninstall();
    await writing;
    await context.clock.advance(1000);
    expect(await context.store.get(`${PREFIX}status/n1`)).toBeUndefined();
  });

  it("says goodbye when it follows nobody any more, to the speakers that there were", async () => {
    const goodbyes: unknown[] = [];
    const ended: Wrap = (driver, instance) => ({
      ...methodsOf(driver),
      uninstall: async () => void goodbyes.push(instance),
    });
    const { routing, context, settle } = await stored({}, ended);
    routing.follow(context);
    await settle();
    await context.clock.advance(1000);
    await routing[Symbol.asyncDispose]();
    expect(await context.store.get(`${PREFIX}status/n1`)).toBeDefined();
    await routing.uninstall();
    expect(goodbyes).toEqual(["main"]);
    expect(await context.store.get(`${PREFIX}status/n1`)).toBeUndefined();
  });

  it("says that it knows no speakers to end where nobody has read the store", async () => {
    const { routing } = await stored();
    await expect(routing.uninstall()).rejects.toMatchObject({ errors: [{ code: "ERR_CLOSED" }] });
  });

  it("writes into the store how it goes", async () => {
    const { routing, context, settle, speaker } = await stored();
    routing.follow(context);
    await settle();
    speaker().become("tor", { establishedAt: 7 });
    await context.clock.advance(1000);
    await settle();
    const status = await context.store.get(`${PREFIX}status/n1`);
    expect(status?.value).toMatchObject({
      node: "n1",
      conditions: [],
      instances: [
        {
          name: "main",
          asn: 65_001,
          advertised: 1,
          peers: [{ name: "tor", state: "established", establishedAt: 7 }],
        },
      ],
    });
    await routing[Symbol.asyncDispose]();
  });
});
