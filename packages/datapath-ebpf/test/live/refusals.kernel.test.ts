import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createAgent, type Agent } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { ebpf, type EbpfOptions } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { Lab, makeFabric, whyNoLab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { vxlan } from "@netloom/routing-vxlan";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const OBJECT = new URL("../../objects/netloom.bpf.o", import.meta.url);

describe("options of ebpf()", () => {
  it.each<[string, EbpfOptions]>([
    ["a choice of events it does not know", { events: "some" as "all" }],
    ["a map it does not have", { maxEntries: { flows: 10 } }],
    ["no room in a map", { maxEntries: { conntrack: 0 } }],
    ["a relative path", { bpffs: "bpf" }],
    ["pins outside the bpf file system", { pinPath: "/tmp/pins" }],
    ["no time between looks at the ring buffer", { pollMs: 0 }],
  ])("are refused where they name %s", (_, options) => {
    expect(() => ebpf(options)).toThrow(
      expect.objectContaining({ code: "ERR_OPTIONS_INVALID", remedy: expect.any(String) }),
    );
  });
});

describe.skipIf(whyNoLab("what the kernel's datapath refuses") !== undefined)("the kernel's datapath", () => {
  let lab: Lab;

  beforeAll(() => {
    lab = new Lab("refusals");
    makeFabric(lab, [{ name: "node1", address: "192.168.50.1/24" }]);
  });

  afterAll(() => lab[Symbol.asyncDispose]());

  const agentWith = (options: EbpfOptions): Agent =>
    createAgent({
      node: { name: "node1", addresses: ["192.168.50.1"], podCIDRs: ["10.244.1.0/24"] },
      store: memoryStore(),
      ipam: hostScope(),
      routing: vxlan(),
      datapath: ebpf({ netns: lab.namespace("node1").name, bpffs: lab.bpffs, ...options }),
    });

  const devices = (): string[] => {
    using rtnl = Rtnl.open({ netns: lab.namespace("node1") });
    return rtnl.links.list().map(({ name }) => name);
  };

  it("names the capabilities it lacks, before anything else", () => {
    const program = join(import.meta.dirname, "programs", "unprivileged.mjs");
    const args = [
      "--bounding-set=-all",
      "--inh-caps=-all",
      process.execPath,
      "--conditions=@netloom/source",
      program,
    ];
    const said = JSON.parse(execFileSync("setpriv", args, { encoding: "utf8" })) as Record<string, unknown>;
    for (const call of ["probe", "uninstall"]) {
      expect(said[call]).toMatchObject({
        code: "ERR_PERMISSION",
        message: expect.stringContaining("CAP_NET_ADMIN"),
        remedy: expect.stringContaining("root"),
      });
    }
  });

  it("says which devices there are where it does not find its own", async () => {
    await expect(agentWith({ uplink: "eth7" }).start()).rejects.toMatchObject({
      code: "ERR_OPTIONS_INVALID",
      message: expect.stringContaining("eth0"),
    });
    await expect(agentWith({ netns: "no-such-namespace" }).start()).rejects.toMatchObject({
      backend: "ebpf",
    });
  });

  it("leaves nothing of a start with an object that is corrupt", async () => {
    const object = new Uint8Array(readFileSync(OBJECT)).subarray(0, 20_000);
    await expect(agentWith({ object }).start()).rejects.toMatchObject({ code: "ERR_OBJECT_CORRUPT" });
    expect(devices()).toEqual(["lo", "eth0"]);
    expect(readdirSync(lab.bpffs)).toEqual([]);
  });

  it("leaves nothing of a start with a program that the verifier refuses", async () => {
    const object = new Uint8Array(readFileSync(OBJECT));
    // The last exit of from_netdev becomes a jump out of the program.
    const broken = breakProgram(object, "from_netdev");
    await expect(agentWith({ object: broken }).start()).rejects.toMatchObject({
      code: "ERR_BPF_VERIFIER",
      cause: { log: expect.any(Array) },
    });
    expect(devices()).toEqual(["lo", "eth0"]);
    expect(readdirSync(lab.bpffs)).toEqual([]);
  });

  it("touches no pin of another layout, and says what to do", async () => {
    const small = agentWith({ maxEntries: { endpoints: 16 } });
    await small.start();
    await small.stop();
    const pins = readdirSync(join(lab.bpffs, "netloom", "node1", "links"));
    await expect(agentWith({ maxEntries: { endpoints: 32 } }).start()).rejects.toMatchObject({
      code: "ERR_PIN_LAYOUT",
      message: expect.stringMatching(/endpoints.*16.*32|endpoints.*32.*16/s),
    });
    expect(readdirSync(join(lab.bpffs, "netloom", "node1", "links"))).toEqual(pins);
    const again = agentWith({ maxEntries: { endpoints: 16 } });
    await again.start();
    await again.uninstall();
    expect(existsSync(join(lab.bpffs, "netloom"))).toBe(false);
    expect(devices()).toEqual(["lo", "eth0"]);
  });

  it("gives a pod all it needs or nothing", async () => {
    const agent = agentWith({});
    await agent.start();
    const before = devices();
    const { free } = agent.describe().ipam.ranges[0]!;
    const pod = { name: "default/web", labels: ["k8s:app=web"] };
    await expect(agent.endpoints.create(pod)).rejects.toMatchObject({
      code: "ERR_ENDPOINT_INVALID",
      remedy: expect.stringContaining("/run/netns"),
    });
    await expect(agent.endpoints.create({ ...pod, netns: "no-such-pod" })).rejects.toMatchObject({
      backend: "ebpf",
      message: expect.stringContaining("no-such-pod"),
    });
    const netns = lab.namespace("taken").name;
    using inside = Rtnl.open({ netns: lab.namespace("taken") });
    inside.links.create({
      kind: "veth",
      name: "eth0",
      peer: { name: "other", netns: lab.namespace("taken") },
    });
    await expect(agent.endpoints.create({ ...pod, netns })).rejects.toMatchObject({ backend: "ebpf" });
    expect(devices()).toEqual(before);
    expect(agent.describe().ipam.ranges[0]!.free).toBe(free);
    expect(agent.endpoints.list()).toEqual([]);
    await agent.uninstall();
  });

  it("takes everything away without having been started, as after a crash", async () => {
    const agent = agentWith({});
    await agent.start();
    await agent.endpoints.create({ name: "web", labels: ["k8s:app=web"], netns: lab.namespace("web").name });
    await agent.stop();
    expect(devices()).toContain("netloom_vxlan");
    await ebpf({ netns: lab.namespace("node1").name, bpffs: lab.bpffs }).uninstall();
    expect(devices()).toEqual(["lo", "eth0"]);
    expect(readdirSync(lab.bpffs)).toEqual([]);
  });
});

/** Turns the program's first instruction into one that no verifier accepts: a read of a register never written. */
function breakProgram(object: Uint8Array, name: string): Uint8Array {
  const broken = object.slice();
  const view = new DataView(broken.buffer);
  const at = symbolOffset(broken, view, name);
  // r0 = r9
  broken.set([0xbf, 0x90, 0, 0, 0, 0, 0, 0], at);
  return broken;
}

/** Where a function's code stands in an ELF file (System V ABI, 64 bits, little-endian). */
function symbolOffset(bytes: Uint8Array, view: DataView, name: string): number {
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const [table, size, count] = [u64(40), view.getUint16(58, true), view.getUint16(60, true)];
  const section = (index: number): number => table + index * size;
  const text = (at: number): string => new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
  for (let index = 0; index < count; index++) {
    if (view.getUint32(section(index) + 4, true) !== 2) continue; // SHT_SYMTAB
    const [start, length] = [u64(section(index) + 24), u64(section(index) + 32)];
    const strings = u64(section(view.getUint32(section(index) + 40, true)) + 24);
    for (let symbol = start; symbol < start + length; symbol += 24) {
      if (text(strings + view.getUint32(symbol, true)) !== name) continue;
      return u64(section(view.getUint16(symbol + 6, true)) + 24) + u64(symbol + 8);
    }
  }
  throw new Error(`no function ${name}`);
}
