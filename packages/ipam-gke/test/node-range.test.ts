import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ipamConformance } from "@netloom/conformance/ipam";
import { createAgent, NetloomError, systemRuntime, type IpamContext } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { gke, metadataServer } from "@netloom/ipam-gke";
import { native } from "@netloom/routing-native";
import { describe, expect, it } from "vitest";
import { fakeMetadata, metadataOf, serveMetadata } from "./support/metadata.ts";

const instances = new WeakMap<object, string[]>();

/** Of the instance that is the only one of its cluster. */
function aliasesOf({ store, podCIDRs }: IpamContext): string[] {
  const aliases = instances.get(store) ?? [...podCIDRs];
  instances.set(store, aliases);
  return aliases;
}

ipamConformance(
  { describe, it },
  {
    create: (context) =>
      gke({
        metadata: fakeMetadata(() => aliasesOf(context)),
        usable: () => true,
        times: { coalesce: 1, lull: 1, retryAfter: 100, refreshAfter: 100 },
      }),
    grow: (context) => {
      aliasesOf(context).push("10.77.0.32/28");
      return { [Symbol.asyncDispose]: async () => undefined };
    },
  },
);

function contextOf(): IpamContext {
  return {
    node: "node1",
    podCIDRs: [],
    families: [4],
    store: memoryStore(),
    prefix: "test/",
    runtime: systemRuntime,
  };
}

describe("a node's own range", () => {
  it("is what the instance was created with; pods cost no request", async () => {
    await using server = await serveMetadata(metadataOf(["10.8.3.0/24", "10.9.0.5"]));
    await using agent = createAgent({
      node: { name: "node1", addresses: ["10.132.0.7"] },
      store: memoryStore(),
      families: [4],
      ipam: gke({ metadata: metadataServer(server.host) }),
      routing: native(),
      datapath: memoryDatapath(),
    });
    await agent.start();
    const before = server.paths.length;
    const names = Array.from({ length: 110 }, (_, index) => `default/pod${index}`);
    const pods = await Promise.all(names.map((name) => agent.endpoints.create({ name, labels: [] })));
    const addresses = pods.flatMap((pod) => pod.addresses);
    expect(agent.describe().node.podCIDRs).toEqual(["10.8.3.0/24"]);
    expect(new Set(addresses).size).toBe(110);
    expect(addresses.every((address) => address.startsWith("10.8.3."))).toBe(true);
    expect(server.paths.slice(before)).toEqual([]);
    expect(before).toBe(4);
  });

  it("is refused where there is none, with what to do", async () => {
    await using ipam = gke({ metadata: fakeMetadata(() => []) });
    await expect(ipam.start(contextOf())).rejects.toMatchObject({
      code: "ERR_IPAM_NO_RANGE",
      message: expect.stringContaining('range: "dynamic"'),
    });
  });

  it("ends where it is used up, and says how many there are", async () => {
    await using ipam = gke({ metadata: fakeMetadata(() => ["10.8.3.0/30"]) });
    await ipam.start(contextOf());
    for (const owner of ["a", "b", "c"]) await ipam.allocate(owner, { families: [4] });
    await expect(ipam.allocate("d", { families: [4] })).rejects.toMatchObject({
      code: "ERR_IPAM_EXHAUSTED",
      message: expect.stringContaining("10.8.3.0/30: 3 of 4 allocated"),
    });
  });

  it.each([
    [{ range: "static" }, "option range"],
    [{ rangeName: "pods" }, "rangeName"],
    [{ range: "dynamic", usable: () => true }, "usable"],
    [{ range: "dynamic", blockPrefix: 32 }, "blockPrefix"],
  ])("refuses options that make no sense: %j", (options, what) => {
    expect(() => gke(options as Parameters<typeof gke>[0])).toThrow(what);
  });
});

describe("the metadata server", () => {
  async function errorOf(reading: Promise<unknown>): Promise<unknown> {
    return reading.then(
      () => undefined,
      (error: unknown) => (error instanceof NetloomError ? error.code : error),
    );
  }

  it("is asked as it wants to be, and has nothing to say of what is not there", async () => {
    await using server = await serveMetadata(metadataOf([]));
    const metadata = metadataServer(server.host);
    expect(await metadata("instance/zone")).toBe("projects/123456789012/zones/europe-west1-b\n");
    expect(await metadata("instance/attributes/none")).toBeUndefined();
  });

  it("is not there, is somebody else's, fails or hides: each is told apart", async () => {
    await using gone = await serveMetadata({});
    await gone[Symbol.asyncDispose]();
    expect(await errorOf(metadataServer(gone.host)("instance/id"))).toBe("ERR_CLOUD_UNAVAILABLE");
    await using other = await serveMetadata(metadataOf([]), { flavor: "Other" });
    expect(await errorOf(metadataServer(other.host)("instance/id"))).toBe("ERR_CLOUD_UNAVAILABLE");
    await using failing = await serveMetadata({}, { status: 503 });
    expect(await errorOf(metadataServer(failing.host)("instance/id"))).toBe("ERR_CLOUD_UNAVAILABLE");
    await using hiding = await serveMetadata({}, { status: 403 });
    expect(await errorOf(metadataServer(hiding.host)("instance/id"))).toBe("ERR_PERMISSION");
  });

  it("is asked by no proxy, whatever the environment says", async () => {
    await using server = await serveMetadata(metadataOf([]));
    const program = `
      const { metadataServer } = await import("@netloom/ipam-gke");
      console.log(await metadataServer(${JSON.stringify(server.host)})("instance/id"));
    `;
    const args = ["--conditions=@netloom/source", "--input-type=module", "--eval", program];
    const env = { ...process.env, NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "" };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, env });
    expect(stdout.trim()).toBe("4520031799277581759");
  });

  it("is not waited for once it is called off", async () => {
    await using server = await serveMetadata(metadataOf([]));
    const reason = new Error("called off");
    const read = metadataServer(server.host)("instance/id", { signal: AbortSignal.abort(reason) });
    expect(await errorOf(read)).toBe(reason);
    expect(server.paths).toEqual([]);
  });
});
