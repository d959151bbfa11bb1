import type { Service } from "@netloom/core";
import { whyNoLab } from "@netloom/lab";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, type LiveNode } from "./cluster.ts";
import { serve, startPeer, tries, type Peer } from "./peers.ts";

const VIP = "10.96.0.10";

const service: Service = {
  name: "default/web",
  addresses: [VIP],
  ports: [
    { protocol: "TCP", port: 80, targetPort: 8080 },
    { protocol: "UDP", port: 53, targetPort: 5353 },
  ],
  backends: { selector: { matchLabels: { app: "web" } } },
};

describe.skipIf(whyNoLab("services in the kernel's datapath") !== undefined)(
  "a service over two nodes",
  () => {
    let live: LiveCluster;
    let one: LiveNode;
    let two: LiveNode;
    const servers = new Map<string, Peer>();

    beforeAll(async () => {
      live = await LiveCluster.start("services");
      [one, two] = live.nodes as [LiveNode, LiveNode];
      await live.pod("client", one, "client");
      for (const [name, node] of [
        ["near", one],
        ["far", two],
      ] as const) {
        await live.pod(name, node, "web");
        servers.set(name, await serve(live, name, "tcp-lines", 8080));
        servers.set(`${name} udp`, await serve(live, name, "udp-echo", 5353));
      }
      await live.cluster.settled(await live.cluster.services.apply(service));
    });

    afterAll(() => live[Symbol.asyncDispose]());

    /** Where one connection goes: the server that hears its line. */
    async function lands(from: string): Promise<string | undefined> {
      const before = new Map([...servers].map(([name, { said }]) => [name, said.length]));
      const talk = startPeer(live, from, "tcp-talk", VIP, 80, 5);
      await talk.next(({ answer, error }) => answer !== undefined || error !== undefined);
      await talk.kill();
      return [...servers].find(([name, { said }]) => said.length > before.get(name)!)?.[0];
    }

    it("shares connections between its backends, near and far", async () => {
      const counts = { near: 0, far: 0 };
      for (let index = 0; index < 16; index++) counts[(await lands("client")) as "near" | "far"]++;
      expect(counts.near).toBeGreaterThan(0);
      expect(counts.far).toBeGreaterThan(0);
      expect(counts.near + counts.far).toBe(16);
    });

    it("answers datagrams under its own address", async () => {
      const [answer] = await startPeer(live, "client", "udp-ask", VIP, 53, 64, 2000).ended;
      // A socket hears only whom it asked: the answer came from the service's address.
      expect(answer).toEqual({ bytes: 64 });
    });

    it("reaches a backend that asks itself", async () => {
      const seen = new Set<string | undefined>();
      for (let index = 0; index < 12; index++) seen.add(await lands("near"));
      expect(seen).toEqual(new Set(["far", "near"]));
    });

    it("gives a backend that goes no new connection, and keeps the others' connections", async () => {
      const talks: Peer[] = [];
      for (let index = 0; index < 8; index++) talks.push(startPeer(live, "client", "tcp-talk", VIP, 80, 5));
      for (const talk of talks) await talk.next(({ answer }) => answer !== undefined);
      const { destination, translated } = await live.flow(
        ({ service: name, node, state }) => name === "default/web" && node === "node1" && state === "new",
      );
      expect([destination.address, translated?.destination.split(":")[1]]).toEqual([VIP, "8080"]);
      await two.agent.endpoints.delete("default/far");
      for (let index = 0; index < 8; index++) expect(await lands("client")).toBe("near");
      let alive = 0;
      for (const talk of talks) {
        const before = talk.said.length;
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (talk.said.length > before) alive++;
        await talk.kill();
      }
      expect(alive).toBeGreaterThan(0);
    });

    it("drops, and says why, where nobody is left", async () => {
      await one.agent.endpoints.delete("default/near");
      await live.cluster.settled(await live.cluster.services.apply(service));
      expect(await tries(live, "client", VIP, 80)).toEqual({ error: "timeout" });
      const drop = await live.flow(({ reason }) => reason === "no-backend");
      expect(drop).toMatchObject({ service: "default/web", destination: { address: VIP, port: 80 } });
    });

    it("leaves no agent with an error", () => {
      expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });
  },
);
