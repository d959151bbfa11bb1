import type { NetworkPolicy } from "@netloom/core";
import { whyNoLab } from "@netloom/lab";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, type LiveNode, type LivePod } from "./cluster.ts";
import { serve, startPeer, tries, type Peer } from "./peers.ts";

/** Only these apps may reach the web servers at these ports. */
function webPolicy(apps: readonly string[], ports: readonly number[] = [8080]): NetworkPolicy {
  return {
    name: "default/web",
    subject: { matchLabels: { app: "web" } },
    ingress: [
      {
        peers: apps.map((app) => ({ selector: { matchLabels: { app } } })),
        ports: ports.map((port) => ({ protocol: "TCP" as const, port })),
      },
    ],
  };
}

describe.skipIf(whyNoLab("policy in the kernel's datapath") !== undefined)(
  "a policy between pods of two nodes",
  () => {
    let live: LiveCluster;
    let one: LiveNode;
    let two: LiveNode;
    let client: LivePod;
    let intruder: LivePod;
    let web: LivePod;
    let server: Peer;

    beforeAll(async () => {
      live = await LiveCluster.start("policy");
      [one, two] = live.nodes as [LiveNode, LiveNode];
      client = await live.pod("client", one, "client");
      intruder = await live.pod("intruder", one, "intruder");
      web = await live.pod("web", two, "web");
      server = await serve(live, "web", "tcp-lines", 8080);
    });

    afterEach(async () => {
      const revision = await live.cluster.policies.remove("default/web");
      if (revision !== undefined) await live.cluster.settled(revision);
    });

    afterAll(() => live[Symbol.asyncDispose]());

    const apply = async (policy: NetworkPolicy): Promise<void> =>
      live.cluster.settled(await live.cluster.policies.apply(policy));

    it("lets the allowed in and names the default deny that keeps others out", async () => {
      await apply(webPolicy(["client"]));
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
      expect(await tries(live, "intruder", web.address, 8080)).toEqual({ error: "timeout" });
      const drop = await live.flow(
        ({ outcome, source }) => outcome === "dropped" && source.address === intruder.address,
      );
      expect(drop).toMatchObject({
        node: "node2",
        hook: "from-overlay",
        reason: "policy-denied",
        source: {
          identity: intruder.endpoint.identity,
          labels: intruder.endpoint.labels,
          endpoint: "default/intruder",
        },
        destination: { identity: web.endpoint.identity, endpoint: "default/web" },
        ingress: { rule: undefined, enforcedBy: ["default/web"] },
      });
    });

    it("names the rule that denies", async () => {
      const peers = [{ selector: { matchLabels: { app: "intruder" } } }];
      await apply({
        name: "default/web",
        subject: { matchLabels: { app: "web" } },
        ingress: [{ action: "deny", peers }],
        defaultDeny: { ingress: false },
      });
      expect(await tries(live, "intruder", web.address, 8080)).toEqual({ error: "timeout" });
      const drop = await live.flow(({ reason }) => reason === "policy-deny-rule");
      expect(drop.ingress?.rule).toEqual({
        policy: "default/web",
        direction: "ingress",
        index: 0,
        action: "deny",
      });
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
    });

    it("cuts a connection that is open when it comes, and lets it go on when it goes", async () => {
      const talk = startPeer(live, "intruder", "tcp-talk", web.address, 8080, 5);
      await talk.next(({ answer }) => answer === "line 20");
      await apply(webPolicy(["client"]));
      const heard = server.said.length;
      await new Promise((resolve) => setTimeout(resolve, 400));
      // What the server had read by then it may still tell of; nothing new comes.
      const last = server.said.length;
      expect(last - heard).toBeLessThanOrEqual(2);
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(server.said.length).toBe(last);
      await live.cluster.settled((await live.cluster.policies.remove("default/web"))!);
      await talk.next(({ answer }) => answer !== undefined);
      await talk.kill();
    });

    it("keeps an allowed connection open through every change of itself", async () => {
      await apply(webPolicy(["client"]));
      const talk = startPeer(live, "client", "tcp-talk", web.address, 8080, 2);
      await talk.next(({ answer }) => answer !== undefined);
      for (let change = 0; change < 20; change++) await apply(webPolicy(["client"], [8080, 9000 + change]));
      const before = talk.said.length;
      await talk.next();
      expect(talk.said.length).toBeGreaterThan(before);
      const drops = live.flows.filter(
        ({ outcome, source, destination }) =>
          outcome === "dropped" && [source.address, destination.address].includes(client.address),
      );
      expect(drops).toEqual([]);
      await talk.kill();
    });

    it("lets no denied packet through while it changes, and while pods come and go", async () => {
      await apply(webPolicy(["client"]));
      const echo = await serve(live, "web", "udp-echo", 7777);
      // From before it has an interface: whatever order things come in, the first packet may be the wrong one.
      const floods = ["intruder", "newcomer"].map((name) =>
        startPeer(live, name, "udp-flood", web.address, 7777, name),
      );
      const others: NetworkPolicy[] = [
        webPolicy(["client"], [8080, 9090]),
        webPolicy(["nobody"]),
        { name: "default/web", subject: { matchLabels: { app: "web" } }, ingress: [] },
        webPolicy(["client", "friend"], [7777, 7778]),
      ];
      for (let round = 0; round < 8; round++) {
        await apply(others[round % others.length]!);
        const { endpoint } = await live.pod("newcomer", round % 2 === 0 ? one : two, "newcomer");
        await new Promise((resolve) => setTimeout(resolve, 30));
        await (round % 2 === 0 ? one : two).agent.endpoints.delete(endpoint.name);
      }
      const flooded = live.flows.filter(
        ({ outcome, destination }) => outcome === "dropped" && destination.port === 7777,
      );
      expect(flooded.length).toBeGreaterThan(10);
      expect(echo.said).toEqual([{ ready: true }]);
      for (const each of floods) await each.kill();
      await echo.kill();
    }, 60_000);

    it("follows a pod's labels: a new identity, other rights, on every node", async () => {
      await apply(webPolicy(["client"]));
      const before = intruder.endpoint.identity;
      expect(await tries(live, "intruder", web.address, 8080)).toEqual({ error: "timeout" });
      const labels = ["k8s:app=client", "k8s:io.kubernetes.pod.namespace=default"];
      const promoted = await one.agent.endpoints.setLabels("default/intruder", labels);
      await live.cluster.settled(promoted.revision);
      expect(promoted.identity).not.toBe(before);
      expect(promoted.identity).toBe(client.endpoint.identity);
      expect(await tries(live, "intruder", web.address, 8080)).toMatchObject({ connected: true });
      const question = {
        source: intruder.address,
        destination: web.address,
        protocol: "TCP",
        port: 8080,
      } as const;
      for (const { agent } of live.nodes) {
        expect(agent.verdict(question).sourceIdentity).toBe(promoted.identity);
      }
      const back = await one.agent.endpoints.setLabels("default/intruder", intruder.endpoint.labels);
      await live.cluster.settled(back.revision);
      expect(back.identity).toBe(before);
      expect(await tries(live, "intruder", web.address, 8080)).toEqual({ error: "timeout" });
    });

    it("holds on the way out too", async () => {
      await apply({
        name: "default/web",
        subject: { matchLabels: { app: "client" } },
        egress: [
          {
            peers: [{ selector: { matchLabels: { app: "web" } } }],
            ports: [{ protocol: "TCP", port: 8080 }],
          },
        ],
      });
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
      expect(await tries(live, "client", web.address, 8081)).toEqual({ error: "timeout" });
      const drop = await live.flow(
        ({ outcome, destination }) => outcome === "dropped" && destination.port === 8081,
      );
      expect(drop).toMatchObject({
        node: "node1",
        hook: "from-container",
        egress: { enforcedBy: ["default/web"] },
      });
    });

    it("leaves no agent with an error", () => {
      expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });
  },
);
