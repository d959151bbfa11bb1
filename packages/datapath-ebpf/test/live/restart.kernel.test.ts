import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openPinnedLink } from "@netloom/bpf-loader";
import { whyNoLab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, type LiveNode, type LivePod } from "./cluster.ts";
import { serve, startPeer, tries } from "./peers.ts";

describe.skipIf(whyNoLab("restarts above the kernel's datapath") !== undefined)("an agent that goes", () => {
  let live: LiveCluster;
  let one: LiveNode;
  let web: LivePod;

  beforeAll(async () => {
    live = await LiveCluster.start("restart");
    one = live.nodes[0]!;
    await live.pod("client", one, "client");
    web = await live.pod("web", live.nodes[1]!, "web");
    await serve(live, "web", "tcp-lines", 8080);
    await live.cluster.settled(
      await live.cluster.policies.apply({
        name: "default/web",
        subject: { matchLabels: { app: "web" } },
        ingress: [{ peers: [{ selector: { matchLabels: { app: "client" } } }] }],
      }),
    );
  });

  afterAll(() => live[Symbol.asyncDispose]());

  it("leaves traffic and policy as they are; the next one takes up what is there", async () => {
    const talk = startPeer(live, "client", "tcp-talk", web.address, 8080, 2);
    await talk.next(({ answer }) => answer !== undefined);
    for (const node of live.nodes) {
      const { endpoints } = node.agent.describe();
      const programs = programsOf(live, node);
      await node.agent.stop();
      await talk.next(({ answer }) => answer !== undefined);
      // Nobody is there to ask, and yet: allowed is allowed, denied is denied.
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
      expect(await tries(live, "world", web.address, 8080)).toEqual({ error: "timeout" });
      await live.replaceAgent(node).start();
      live.follow(node);
      expect(node.agent.describe().endpoints).toBe(endpoints);
      await talk.next(({ answer }) => answer !== undefined);
      // Every link has a program of the new load, and those of the old are gone.
      expect(programsOf(live, node).filter((id) => programs.includes(id))).toEqual([]);
      for (const id of programs) expect(isLoaded(id)).toBe(false);
    }
    const answers = talk.said.flatMap(({ answer }) => (typeof answer === "string" ? [answer] : []));
    expect(answers).toEqual(answers.map((_, index) => `line ${index}`));
    await talk.kill();
    expect(live.nodes.flatMap(({ errors }) => errors)).toEqual([]);
  });

  it("misses nothing: what changed meanwhile holds when the next one is there", async () => {
    const [two] = live.nodes.slice(1) as [LiveNode];
    await two.agent.stop();
    using rtnl = Rtnl.open({ netns: live.lab.namespace("node2") });
    rtnl.routes.delete({ to: one.podCIDR, device: "netloom_vxlan" });
    const revision = await live.cluster.policies.remove("default/web");
    await live.replaceAgent(two).start();
    live.follow(two);
    await live.cluster.settled(revision!);
    expect(await tries(live, "world", web.address, 8080)).toMatchObject({ connected: true });
    expect(rtnl.routes.list({ family: 4 }).some(({ to }) => to === one.podCIDR)).toBe(true);
  });
});

/** Numbers of the programs that a node's links run. */
function programsOf(live: LiveCluster, { name }: LiveNode): readonly number[] {
  const directory = join(live.lab.bpffs, "netloom", name, "links");
  return readdirSync(directory).map((file) => {
    using link = openPinnedLink(join(directory, file));
    return link.info().programId;
  });
}

function isLoaded(id: number): boolean {
  return spawnSync("bpftool", ["prog", "show", "id", String(id)]).status === 0;
}
