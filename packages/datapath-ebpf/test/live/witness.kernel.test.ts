import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { whyNoLab } from "@netloom/lab";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LiveCluster, type LivePod } from "./cluster.ts";
import { serve, tries } from "./peers.ts";

describe.skipIf(whyNoLab("what other programs see of the datapath") !== undefined)("what others see", () => {
  let live: LiveCluster;
  let client: LivePod;
  let web: LivePod;

  beforeAll(async () => {
    live = await LiveCluster.start("witness");
    client = await live.pod("client", live.nodes[0]!, "client");
    web = await live.pod("web", live.nodes[1]!, "web");
    await live.cluster.settled(
      await live.cluster.policies.apply({
        name: "default/web",
        subject: { matchLabels: { app: "web" } },
        ingress: [{ peers: [{ selector: { matchLabels: { app: "client" } } }] }],
      }),
    );
  });

  afterAll(() => live[Symbol.asyncDispose]());

  it("tshark reads VXLAN on the wire, with the identities as VNI and header checksums that are right", async () => {
    const server = await serve(live, "web", "tcp-lines", 8080);
    const fields = ["ip.src", "ip.dst", "vxlan.vni", "tcp.dstport", "ip.checksum.status"];
    const shark = live.lab.spawn(
      "node2",
      "tshark",
      [
        ...["-i", "eth0", "-l", "-n", "-Q", "-f", "udp port 8472", "-d", "udp.port==8472,vxlan"],
        ...["-o", "ip.check_checksum:TRUE"],
        ...[
          "-Y",
          "tcp.flags.syn==1",
          "-T",
          "fields",
          "-E",
          "separator=;",
          ...fields.flatMap((f) => ["-e", f]),
        ],
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    let text = "";
    shark.stdout!.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    // It says nothing of when it begins: connect until it has seen one.
    for (let attempt = 0; attempt < 30 && !/\n.*\n/.test(text); attempt++) {
      expect(await tries(live, "client", web.address, 8080)).toMatchObject({ connected: true });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    shark.kill("SIGTERM");
    await once(shark, "close");
    const rows = text
      .trim()
      .split("\n")
      .map((row) => row.split(";"));
    const there = rows.find(([ips]) => ips === `192.168.50.1,${client.address}`);
    const back = rows.find(([ips]) => ips === `192.168.50.2,${web.address}`);
    expect(there?.slice(1, 4)).toEqual([
      `192.168.50.2,${web.address}`,
      String(client.endpoint.identity),
      "8080",
    ]);
    expect(back?.slice(1, 3)).toEqual([`192.168.50.1,${client.address}`, String(web.endpoint.identity)]);
    // 1 is good: the outer header's and the pod's. TCP's is left to the device, which a veth pair has not.
    for (const row of [there!, back!]) expect(row[4]).toBe("1,1");
    await server.kill();
  }, 60_000);

  it("bpftool reads the pinned maps with their types, and finds the programs on their devices", () => {
    const pins = join(live.lab.bpffs, "netloom", "node1");
    const endpoints = join(pins, "maps", "endpoints");
    const { identity, attachment } = client.endpoint;
    expect(bpftool("map", "dump", "pinned", endpoints)).toEqual([
      expect.objectContaining({
        formatted: expect.objectContaining({
          value: expect.objectContaining({ identity, ifindex: attachment!.ifindex }),
        }),
      }),
    ]);
    expect(bpftool("map", "show", "pinned", endpoints)).toMatchObject({ btf_id: expect.any(Number) });
    const program = bpftool("link", "show", "pinned", join(pins, "links", "uplink-from-netdev"))["prog_id"];
    expect(bpftool("prog", "show", "id", String(program))).toMatchObject({ name: "from_netdev" });
  });
});

function bpftool(...args: readonly string[]): Readonly<Record<string, unknown>> {
  const output = execFileSync("bpftool", ["-j", ...args], { encoding: "utf8" });
  return JSON.parse(output) as Readonly<Record<string, unknown>>;
}
