import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { openPinnedLink } from "@netloom/bpf-loader";
import { createAgent, type Drift } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { ebpf } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { whyNoLab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { vxlan } from "@netloom/routing-vxlan";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, type LiveNode, type LivePod } from "./cluster.ts";
import { serve, tries } from "./peers.ts";

describe.skipIf(whyNoLab("repairs of the kernel's datapath") !== undefined)(
  "a node that somebody meddles with",
  () => {
    let live: LiveCluster;
    let one: LiveNode;
    let client: LivePod;
    let web: LivePod;
    let node: Rtnl;

    beforeAll(async () => {
      live = await LiveCluster.start("drift");
      one = live.nodes[0]!;
      client = await live.pod("client", one, "client");
      web = await live.pod("web", live.nodes[1]!, "web");
      await serve(live, "web", "tcp-lines", 8080);
      node = Rtnl.open({ netns: live.lab.namespace("node1") });
      live.lab.defer(() => node.close());
    });

    afterAll(() => live[Symbol.asyncDispose]());

    const audit = async (): Promise<readonly Omit<Drift, "which">[]> =>
      (await one.agent.audit()).map(({ what, problem }) => ({ what, problem }));

    const pinOf = (place: string, hook: string): string =>
      join(live.lab.bpffs, "netloom", "node1", "links", `${place}-${hook}`);

    it("has nothing to mend as long as nobody does", async () => {
      expect(await one.agent.audit()).toEqual([]);
    });

    const remoteRoute = (): string => live.nodes[1]!.podCIDR;

    it.each<[string, Omit<Drift, "which">, () => void]>([
      [
        "a route to another node that was deleted",
        { what: "route", problem: "missing" },
        () => node.routes.delete({ to: remoteRoute(), device: "netloom_vxlan" }),
      ],
      [
        "a route to a pod that leads astray",
        { what: "route", problem: "changed" },
        () => node.routes.replace({ to: `${client.address}/32`, device: "netloom_vxlan", protocol: 110 }),
      ],
      [
        "a tunnel device that was taken down",
        { what: "device", problem: "changed" },
        () => node.links.set("netloom_vxlan", { up: false }),
      ],
      [
        "a pod's neighbour entry that was deleted",
        { what: "neighbour", problem: "missing" },
        () =>
          node.neighbours.delete({ device: client.endpoint.attachment!.interface, address: client.address }),
      ],
      [
        "a link whose pin was removed",
        { what: "program", problem: "missing" },
        () => unlinkSync(pinOf(client.endpoint.attachment!.interface, "from-container")),
      ],
      [
        "a link that was detached by force",
        { what: "program", problem: "changed" },
        () => {
          using link = openPinnedLink(pinOf("uplink", "from-netdev"));
          link.detach();
        },
      ],
    ])("gets back %s", async (_, expected, meddle) => {
      meddle();
      expect(await audit()).toContainEqual(expected);
      expect(await one.agent.audit()).toEqual([]);
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
    });

    it("gets back a tunnel device that was deleted, under whatever number", async () => {
      const before = node.links.get("netloom_vxlan").index;
      node.links.delete("netloom_vxlan");
      expect(await tries(live, "client", web.address, 8080)).toEqual({ error: "timeout" });
      expect(await audit()).toContainEqual({ what: "device", problem: "missing" });
      expect(node.links.get("netloom_vxlan").index).not.toBe(before);
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
      expect(await one.agent.audit()).toEqual([]);
    });

    it("gets back a pod's interface that was deleted", async () => {
      node.links.delete(client.endpoint.attachment!.interface);
      expect(await audit()).toContainEqual({ what: "interface", problem: "missing" });
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
      expect(await one.agent.audit()).toEqual([]);
    });

    it("has one agent: a second is refused before it changes anything", async () => {
      const second = createAgent({
        node: { name: "node1", addresses: [one.address], podCIDRs: [one.podCIDR] },
        store: memoryStore(),
        ipam: hostScope(),
        routing: vxlan(),
        datapath: ebpf({ netns: live.lab.namespace("node1").name, uplink: "eth0", bpffs: live.lab.bpffs }),
      });
      await expect(second.start()).rejects.toMatchObject({
        code: "ERR_NODE_EXISTS",
        message: expect.stringContaining(`process ${process.pid}`),
      });
      const datapath = ebpf({ netns: live.lab.namespace("node1").name, bpffs: live.lab.bpffs });
      await expect(datapath.uninstall()).rejects.toMatchObject({ code: "ERR_NODE_EXISTS" });
      expect(await one.agent.audit()).toEqual([]);
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
    });

    it("leaves no agent with an error", () => {
      expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
    });
  },
);
