import type { Service } from "@netloom/core";
import { whyNoLab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { native } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, WORLD, type LiveNode, type LivePod } from "./cluster.ts";
import { serve, startPeer, tries, type Peer } from "./peers.ts";

/** Load balancer addresses, all routed to the first node. */
const BALANCED = "198.51.100.0/24";
const NEAR = "198.51.100.1";
const FAR = "198.51.100.2";
const BOTH = "198.51.100.3";
const LOCAL = "198.51.100.4";
const NOBODY_HERE = "198.51.100.5";
const CLUSTER_IPS = "10.96.0.0/24";

function service(at: string, apps: readonly string[], more: Partial<Service> = {}): Service {
  const number = at.split(".")[3];
  return {
    name: `default/s${number}`,
    addresses: [`10.96.0.${number}`],
    loadBalancerAddresses: [at],
    ports: [
      { protocol: "TCP", port: 80, targetPort: 8080 },
      { protocol: "UDP", port: 53, targetPort: 5353 },
      { protocol: "UDP", port: 9, targetPort: 9999 },
    ],
    backends: {
      selector: { matchExpressions: [{ key: "app", operator: "In", values: [...apps] }] },
    },
    ...more,
  };
}

const WAYS = { "through VXLAN": vxlan, natively: native } as const;

describe
  .skipIf(whyNoLab("services for clients outside") !== undefined)
  .for(Object.keys(WAYS) as (keyof typeof WAYS)[])("a client outside, with the nodes %s", (way) => {
  let live: LiveCluster;
  let one: LiveNode;
  let two: LiveNode;
  let near: LivePod;
  let far: LivePod;
  const servers = new Map<string, Peer>();

  beforeAll(async () => {
    live = await LiveCluster.start("north-south", 2, {}, [], { routing: () => WAYS[way]() });
    [one, two] = live.nodes as [LiveNode, LiveNode];
    near = await live.pod("near", one, "near");
    far = await live.pod("far", two, "far");
    for (const name of ["near", "far"]) {
      servers.set(name, await serve(live, name, "tcp-lines", 8080));
      servers.set(`${name} udp`, await serve(live, name, "udp-echo", 5353));
    }
    using world = Rtnl.open({ netns: live.lab.namespace("world") });
    for (const to of [BALANCED, CLUSTER_IPS]) world.routes.add({ to, via: one.address });
    for (const each of [
      service(NEAR, ["near"]),
      service(FAR, ["far"]),
      service(BOTH, ["near", "far"]),
      service(LOCAL, ["near", "far"], { externalTrafficPolicy: "local" }),
      service(NOBODY_HERE, ["far"], { externalTrafficPolicy: "local" }),
    ])
      await live.cluster.settled(await live.cluster.services.apply(each));
  });

  afterAll(() => live[Symbol.asyncDispose]());

  /** Which server hears a connection's first line, and from whom. */
  async function lands(at: string): Promise<readonly [server: string | undefined, from: unknown]> {
    const before = new Map([...servers].map(([name, { said }]) => [name, said.length]));
    const talk = startPeer(live, "world", "tcp-talk", at, 80, 5);
    await talk.next(({ answer, error }) => answer !== undefined || error !== undefined);
    await talk.kill();
    const found = [...servers].find(([name, { said }]) => said.length > before.get(name)!);
    const [first] = found?.[1].said.slice(before.get(found[0])) ?? [];
    return [found?.[0], String(first?.["from"]).replace("::ffff:", "")];
  }

  const asSeenFar = (): string => (way === "natively" ? one.address : "10.244.1.1");

  it("is seen by a backend of the node under its own address", async () => {
    expect(await lands(NEAR)).toEqual(["near", WORLD]);
    const flow = await live.flow(
      ({ hook, destination, state }) =>
        hook === "from-netdev" && destination.address === NEAR && state === "new",
    );
    expect(flow).toMatchObject({
      ...{ node: "node1", outcome: "to-endpoint", service: "default/s1" },
      translated: { destination: `${near.address}:8080` },
    });
  });

  it("is seen by a backend of another node under this one's", async () => {
    expect(await lands(FAR)).toEqual(["far", asSeenFar()]);
    const arrived = await live.flow(
      ({ node, destination }) => node === "node2" && destination.endpoint === "default/far",
    );
    expect(arrived.source.identity).toBe(way === "natively" ? 6 : 2);
  });

  it("has its connections shared between them", async () => {
    const landed: unknown[] = [];
    for (let index = 0; index < 16; index++) landed.push((await lands(BOTH))[0]);
    expect(new Set(landed)).toEqual(new Set(["near", "far"]));
  });

  it("sends and gets streams whole, whichever node answers", async () => {
    const size = 2 ** 24;
    for (const [pod, at] of [
      ["near", NEAR],
      ["far", FAR],
    ] as const) {
      await servers.get(pod)!.kill();
      const sink = await serve(live, pod, "tcp-sink", 8080);
      const source = startPeer(live, "world", "tcp-source", at, 80, size);
      const received = await sink.next(({ bytes }) => bytes !== undefined);
      const [sent] = await source.ended;
      expect(received).toEqual({ bytes: size, digest: sent!["digest"] });
      await sink.kill();
      servers.set(pod, await serve(live, pod, "tcp-lines", 8080));
    }
  });

  it("asks with datagrams, in fragments too, and is answered by the frontend", async () => {
    for (const at of [NEAR, FAR]) {
      for (const bytes of [64, 1400, 4000]) {
        const [answer] = await startPeer(live, "world", "udp-ask", at, 53, bytes, 2000).ended;
        expect(answer).toEqual({ bytes });
      }
    }
  });

  it("is told by the frontend that nobody listens", async () => {
    for (const at of [NEAR, FAR]) {
      const [said] = await startPeer(live, "world", "udp-connected", at, 9, 2000).ended;
      expect(said).toEqual({ error: "ECONNREFUSED" });
    }
  });

  it("is sent to the node's own backends where traffic is to stay local", async () => {
    for (let index = 0; index < 8; index++) expect(await lands(LOCAL)).toEqual(["near", WORLD]);
    expect(await tries(live, "world", NOBODY_HERE, 80)).toEqual({ error: "timeout" });
    const drop = await live.flow(({ reason }) => reason === "no-backend");
    expect(drop).toMatchObject({
      node: "node1",
      service: "default/s5",
      destination: { address: NOBODY_HERE },
    });
  });

  it("reaches no cluster IP", async () => {
    expect(await tries(live, "world", "10.96.0.1", 80)).toEqual({ error: "timeout" });
    expect(await live.flow(({ reason }) => reason === "is-cluster-ip")).toMatchObject({ node: "node1" });
  });

  it("is refused where policy denies the world", async () => {
    const denies = (app: string, entities: readonly string[]): unknown => ({
      name: `default/${app}`,
      subject: { matchLabels: { app } },
      ingress: [{ peers: entities.map((entity) => ({ entity })) }],
    });
    type Policy = Parameters<typeof live.cluster.policies.apply>[0];
    for (const app of ["near", "far"])
      await live.cluster.settled(await live.cluster.policies.apply(denies(app, ["cluster"]) as Policy));
    expect(await tries(live, "world", NEAR, 80)).toEqual({ error: "timeout" });
    const drop = await live.flow(({ reason }) => reason === "policy-denied");
    expect(drop).toMatchObject({ node: "node1", hook: "from-netdev", source: { address: WORLD } });
    // A node that forwards natively is who its packets say they are from.
    expect(await tries(live, "world", FAR, 80)).toMatchObject(
      way === "natively" ? { connected: true } : { error: "timeout" },
    );
    for (const app of ["near", "far"])
      await live.cluster.settled((await live.cluster.policies.remove(`default/${app}`))!);
  });

  it("speaks on while the agents are replaced", async () => {
    const talks = [NEAR, FAR].map((at) => startPeer(live, "world", "tcp-talk", at, 80, 2));
    const answered = async (): Promise<void> => {
      for (const talk of talks) await talk.next(({ answer }) => answer !== undefined);
    };
    await answered();
    for (const each of [one, two]) {
      await each.agent.stop();
      await answered();
      expect(await tries(live, "world", FAR, 80)).toMatchObject({ connected: true });
      await live.replaceAgent(each).start();
      live.follow(each);
      await answered();
    }
    for (const talk of talks) {
      const answers = talk.said.flatMap(({ answer }) => (typeof answer === "string" ? [answer] : []));
      expect(answers).toEqual(answers.map((_, index) => `line ${index}`));
      await talk.kill();
    }
    expect(await lands(LOCAL)).toEqual(["near", WORLD]);
    expect(await one.agent.audit()).toEqual([]);
  });

  it("finds another backend when the node's own has gone, and none where traffic is to stay local", async () => {
    await one.agent.endpoints.delete("default/near");
    for (let index = 0; index < 4; index++) expect(await lands(BOTH)).toEqual(["far", asSeenFar()]);
    expect(await tries(live, "world", LOCAL, 80)).toEqual({ error: "timeout" });
    expect(far.node).toBe(two);
  });

  it("leaves no agent with an error", () => {
    expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
  });
});
