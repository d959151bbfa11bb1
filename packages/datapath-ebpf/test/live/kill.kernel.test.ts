import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Endpoint } from "@netloom/core";
import { serveStore, whyNoLab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, type LivePod } from "./cluster.ts";
import { serve, startPeer } from "./peers.ts";
import { remotePod, startRemoteAgent, type RemoteAgent } from "./remote-agent.ts";

const GIB = 2 ** 30;

describe.skipIf(whyNoLab("agents that are killed") !== undefined)("kill -9 of a node's agent", () => {
  let live: LiveCluster;
  let agent: RemoteAgent;
  let client: Endpoint;
  let web: LivePod;
  let other: LivePod;

  beforeAll(async () => {
    live = await LiveCluster.start("kill", 2, {}, ["node1"]);
    const store = serveStore(live.store, socketPath());
    live.lab.defer(() => store[Symbol.dispose]());
    agent = await startAgent();
    client = await createPod("client");
    [web, other] = [
      await live.pod("web", live.nodes[1]!, "web"),
      await live.pod("other", live.nodes[1]!, "other"),
    ];
  });

  afterAll(async () => {
    await agent.tell({ uninstall: true });
    await live[Symbol.asyncDispose]();
  });

  const socketPath = (): string => join("/run", live.lab.prefix, "store");

  const startAgent = (): Promise<RemoteAgent> =>
    startRemoteAgent(live, live.nodes[0]!, { store: socketPath(), routing: { kind: "vxlan" } });

  const createPod = (name: string): Promise<Endpoint> => remotePod(live, agent, name);

  it("during a transfer of a gibibyte: no reset, no byte lost, everything adopted", async () => {
    const sink = await serve(live, "web", "tcp-sink", 5000);
    const source = startPeer(live, "client", "tcp-source", web.address, 5000, GIB);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await agent.kill();
    agent = await startAgent();
    const received = await sink.next(({ bytes }) => bytes !== undefined);
    const [sent] = await source.ended;
    expect(received).toEqual({ bytes: GIB, digest: sent!["digest"] });
    expect(agent.endpoints).toEqual([expect.objectContaining({ ...identityOf(client), state: "ready" })]);
    await sink.kill();
  });

  it("twenty times in a row, its programs replaced each time: not one datagram of a stream is lost", async () => {
    const tally = await serve(live, "web", "udp-tally", 6000);
    const steady = startPeer(live, "client", "udp-steady", web.address, 6000);
    await steady.next();
    const programs = new Set<number>();
    for (let round = 0; round < 20; round++) {
      programs.add(programOf("uplink-from-netdev"));
      await agent.kill();
      agent = await startAgent();
    }
    const [told] = await Promise.all([tally.next(({ received }) => received !== undefined), steady.stop()]);
    expect(programs.size).toBe(20);
    expect(told["received"]).toBeGreaterThan(2000);
    expect(told["missing"]).toEqual([]);
    await tally.kill();
  }, 300_000);

  it("brings back what was deleted by hand meanwhile, and gives no address twice", async () => {
    await agent.kill();
    using node = Rtnl.open({ netns: live.lab.namespace("node1") });
    node.routes.delete({ to: live.nodes[1]!.podCIDR, device: "netloom_vxlan" });
    const key = keyOf(other.address);
    const ipcache = join(live.lab.bpffs, "netloom", "node1", "maps", "ipcache");
    bpftool("map", "delete", "pinned", ipcache, "key", "hex", ...key);
    const entry = (): string => bpftool("map", "lookup", "pinned", ipcache, "key", "hex", ...key);
    expect(entry).toThrow("bpftool");
    agent = await startAgent();
    expect(entry()).toContain(`"identity":${other.endpoint.identity}`);
    expect(node.routes.list({ family: 4 }).some(({ to }) => to === live.nodes[1]!.podCIDR)).toBe(true);
    const newcomer = await createPod("newcomer");
    const addresses = [client, newcomer, web.endpoint, other.endpoint].flatMap((each) => each.addresses);
    expect(new Set(addresses).size).toBe(4);
  });

  function programOf(link: string): number {
    const text = bpftool("link", "show", "pinned", join(live.lab.bpffs, "netloom", "node1", "links", link));
    return (JSON.parse(text) as { prog_id: number }).prog_id;
  }
});

function identityOf({ name, id, identity, addresses }: Endpoint): Partial<Endpoint> {
  return { name, id, identity, addresses };
}

/** An ipcache key, as bpftool wants it: the 128-bit form of an IPv4 address. */
function keyOf(address: string): readonly string[] {
  const bytes = [...Array<number>(10).fill(0), 0xff, 0xff, ...address.split(".").map(Number)];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0"));
}

function bpftool(...args: readonly string[]): string {
  return execFileSync("bpftool", ["-j", ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
