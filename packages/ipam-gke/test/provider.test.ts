import {
  faultOf,
  type CloudCall,
  type CloudFault,
  type CloudNode,
  type CloudPool,
} from "@netloom/ipam-cloud";
import { gkeProvider, type ComputeClients, type GkeProvider } from "@netloom/ipam-gke";
import { simCloud, SimCloudError, SimConnectionError, type SimCloud } from "@netloom/sim-cloud";
import { beforeAll, describe, expect, it } from "vitest";
import { API_KEY, projectOf, providerFor, sharedClients } from "./support/compute-stage.ts";
import { fakeMetadata } from "./support/metadata.ts";

const PODS = { "netloom:secondary-range:pods": "10.64.0.0/20" };

function cloud(): { readonly sim: SimCloud; readonly node: CloudNode; readonly nic: string } {
  const cidrs = ["10.0.0.0/24", "10.64.0.0/20"];
  const sim = simCloud({ pools: [{ id: "subnet-a", cidrs, tags: PODS }], throttles: [] });
  const node = sim.launch({ name: "node1", pool: "subnet-a", type: "flat" });
  return { sim, node, nic: `${node.instance}/nic0` };
}

let intents = 0;

function callOf(intent = `provider-${++intents}`): CloudCall {
  return { intent, signal: new AbortController().signal, admit: async () => undefined };
}

async function faultIn(provider: GkeProvider, asked: Promise<unknown>): Promise<CloudFault> {
  return asked.then(
    (answer) => {
      throw new Error(`it should fail, and answers ${JSON.stringify(answer)}`);
    },
    (error: unknown) => faultOf(provider, error),
  );
}

async function poolsOf(provider: GkeProvider, node: CloudNode): Promise<readonly CloudPool[]> {
  const found: CloudPool[] = [];
  for await (const pool of provider.pools(node, callOf())) found.push(pool);
  return found;
}

async function aliases(provider: GkeProvider, node: CloudNode): Promise<readonly string[]> {
  const inventory = await provider.readNode(node, callOf());
  const [first] = inventory!.interfaces;
  return first!.addresses.filter(({ role }) => role !== "primary").map(({ cidr }) => cidr);
}

const single = { family: 4, prefix: 32, count: 1 } as const;

// It takes its time, which is not the test's.
beforeAll(sharedClients);

describe("alias ranges through Google's SDK", () => {
  it("are from the secondary range that is named, and the pool is that range", async () => {
    const { sim, node, nic } = cloud();
    const provider = providerFor(sim, { rangeName: "pods" });
    const request = { node, interface: nic, family: 4, prefix: 28, count: 2 } as const;
    const added = await provider.assign(request, callOf());
    expect(added).toEqual(["10.64.0.16/28", "10.64.0.32/28"]);
    const inventory = await provider.readNode(node, callOf());
    expect(await poolsOf(provider, node)).toEqual([
      { id: "subnet-a/pods", cidrs: ["10.64.0.0/20"], tags: {} },
    ]);
    expect(inventory!.interfaces[0]!.pool).toBe("subnet-a/pods");
  });

  it("leave those of other ranges where they are", async () => {
    const { sim, node, nic } = cloud();
    const [primary, pods] = [providerFor(sim), providerFor(sim, { rangeName: "pods" })];
    const [other] = await primary.assign({ node, interface: nic, ...single }, callOf());
    const mine = await pods.assign({ node, interface: nic, ...single }, callOf());
    expect(await aliases(pods, node)).toEqual(mine);
    await pods.unassign({ node, interface: nic, cidrs: [...mine, other!] }, callOf());
    expect(await aliases(pods, node)).toEqual([]);
    expect(await aliases(primary, node)).toEqual([other]);
  });

  it("have the room that those of other ranges leave", async () => {
    const { sim, node, nic } = cloud();
    const [primary, pods] = [
      providerFor(sim),
      providerFor(sim, { rangeName: "pods", rangesPerInterface: 9 }),
    ];
    const [other] = await primary.assign({ node, interface: nic, ...single }, callOf());
    expect((await primary.limits(node, callOf()))!.slots).toEqual({ 4: 151 });
    expect((await pods.limits(node, callOf()))!.slots).toEqual({ 4: 10 });
    const [first] = (await pods.readNode(node, callOf()))!.interfaces;
    expect(first!.addresses.map(({ role }) => role)).toEqual(["primary", "primary"]);
    expect(first!.addresses[1]!.cidr).toBe(other);
  });

  it("can all be taken away, which Google's SDK cannot say", async () => {
    const { sim, node, nic } = cloud();
    const provider = providerFor(sim);
    const added = await provider.assign({ node, interface: nic, ...single, count: 3 }, callOf());
    await provider.unassign({ node, interface: nic, cidrs: added }, callOf());
    expect(await aliases(provider, node)).toEqual([]);
    expect(sim.owners().size).toBe(1);
  });

  it("have a range of the name that was given, or it is said which there are", async () => {
    const { sim, node } = cloud();
    const provider = providerFor(sim, { rangeName: "services" });
    await expect(poolsOf(provider, node)).rejects.toThrow("there are pods");
    expect(await faultIn(provider, poolsOf(provider, node))).toEqual({
      kind: "invalid",
    });
  });

  it("ask for nothing twice: what the same intent has changed is another version", async () => {
    const { sim, node, nic } = cloud();
    const provider = providerFor(sim);
    const intent = "provider-twice";
    const { version } = (await provider.readNode(node, callOf()))!;
    sim.hooks = {
      after({ action }) {
        if (action === "zoneOperations.wait") throw new SimConnectionError("lost");
      },
    };
    const request = { node, interface: nic, ...single, version: version! };
    expect(await faultIn(provider, provider.assign(request, callOf(intent)))).toEqual({ kind: "ambiguous" });
    sim.hooks = {};
    const again = provider.assign(request, callOf(intent));
    expect(await faultIn(provider, again)).toEqual({ kind: "conflict", what: "version" });
    expect(await aliases(provider, node)).toHaveLength(1);
  });

  it("are another request of the same intent once the interface is another", async () => {
    const { sim, node, nic } = cloud();
    const provider = providerFor(sim);
    const intent = "provider-again";
    const request = { node, interface: nic, ...single };
    sim.failNextOperation();
    expect(await faultIn(provider, provider.assign(request, callOf(intent)))).toEqual({ kind: "ambiguous" });
    const [other] = await provider.assign(request, callOf());
    const [mine] = await provider.assign(request, callOf(intent));
    expect(await aliases(provider, node)).toEqual([other, mine]);
  });

  it.each([
    ["throttled", 403, "rateLimitExceeded"],
    ["denied", 403, "forbidden"],
    ["unavailable", 503, "backendError"],
    ["not known", 404, "notFound"],
  ])("are ambiguous, and nothing else, where how a change ended is %s", async (_, status, reason) => {
    const { sim, node, nic } = cloud();
    const clients = await refusing("zoneOperations", status, reason);
    const provider = gkeProvider({ project: projectOf(sim), clients });
    const asked = provider.assign({ node, interface: nic, ...single }, callOf());
    expect(await faultIn(provider, asked)).toEqual({ kind: "ambiguous" });
    expect(sim.owners().size).toBe(2);
  });

  it("wait until the whole minute where there were too many requests", async () => {
    const { sim, node } = cloud();
    const clients = await refusing("instances", 403, "rateLimitExceeded");
    const now = (): number => Date.UTC(2026, 0, 1, 12, 0, 15);
    const provider = gkeProvider({ project: projectOf(sim), clients, now });
    expect(await faultIn(provider, provider.readNode(node, callOf()))).toEqual({
      kind: "throttled",
      bucket: "ReadRequestsPerMinute",
      retryAfter: 45_000,
    });
  });

  it("are asked for once where a server fails: the SDK does not try again by itself", async () => {
    const { sim, node } = cloud();
    const provider = providerFor(sim);
    sim.hooks = {
      before() {
        throw new SimCloudError("backendError", "", "Backend Error");
      },
    };
    expect(await faultIn(provider, provider.readNode(node, callOf()))).toEqual({ kind: "transient" });
    expect(sim.calls).toHaveLength(1);
  });

  it("look for credentials again where there were none", async () => {
    const { sim, node } = cloud();
    let made = 0;
    const provider = providerFor(sim, {
      async clients() {
        const clients = await sharedClients();
        if (++made > 1) return clients;
        const instances = Object.assign(Object.create(clients.instances), {
          initialize: () => Promise.reject(new Error("Could not load the default credentials.")),
        });
        return withClients(clients, { instances });
      },
    });
    expect(await faultIn(provider, provider.readNode(node, callOf()))).toEqual({
      kind: "credentials",
      why: "missing",
    });
    expect(await provider.readNode(node, callOf())).toBeDefined();
  });

  it("find out the project, and are those of no instance without a zone", async () => {
    const { sim, node } = cloud();
    const project = projectOf(sim);
    const metadata = async (path: string): Promise<string | undefined> =>
      path === "project/project-id" ? `${project}\n` : undefined;
    const clients = await sharedClients();
    const provider = gkeProvider({ clients, metadata });
    expect(await provider.readNode(node, callOf())).toBeDefined();
    const { zone: _, ...nowhere } = node;
    expect(await faultIn(provider, provider.readNode(nowhere, callOf()))).toEqual({ kind: "invalid" });
    const lost = gkeProvider({ clients, metadata: async () => undefined });
    await expect(lost.readNode(node, callOf())).rejects.toThrow("which project this is");
  });

  it("tell a project that is not there from an instance that has gone", async () => {
    const { node } = cloud();
    const clients = await sharedClients();
    const provider = gkeProvider({ clients, project: "none", metadata: fakeMetadata(() => []) });
    expect(await faultIn(provider, provider.readNode(node, callOf()))).toEqual({ kind: "invalid" });
  });

  it("keep what they were asked with to themselves", async () => {
    const { sim, node, nic } = cloud();
    sim.deny("instances.updateNetworkInterface");
    const provider = providerFor(sim);
    const error: unknown = await provider
      .assign({ node, interface: nic, ...single }, callOf())
      .catch((error: unknown) => error);
    const { inspect } = await import("node:util");
    expect(faultOf(provider, error)).toEqual({
      kind: "denied",
      action: "compute.instances.updateNetworkInterface",
    });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(API_KEY);
  });
});

/** Google's clients, one of which is refused what it asks for. */
async function refusing(
  which: "instances" | "zoneOperations",
  status: number,
  reason: string,
): Promise<ComputeClients> {
  const clients = await sharedClients();
  const refuse = async (): Promise<never> => {
    throw Object.assign(new Error("refused"), { httpStatusCode: status, errors: [{ reason }] });
  };
  const method = which === "instances" ? { get: refuse } : { wait: refuse };
  return withClients(clients, { [which]: Object.assign(Object.create(clients[which]), method) });
}

/** Others in place of some: those that nobody asks for are not made. */
function withClients(clients: ComputeClients, others: Partial<ComputeClients>): ComputeClients {
  return Object.create(clients, Object.getOwnPropertyDescriptors(others));
}
