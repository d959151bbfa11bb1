import { simCloud, SimConnectionError, type SimCloud } from "@netloom/sim-cloud";
import { serveCompute } from "@netloom/sim-cloud/http";
import { describe, expect, it } from "vitest";

interface Answer {
  readonly status: number;
  readonly body: Record<string, never> & {
    readonly name: string;
    readonly status: string;
    readonly networkInterfaces: readonly Nic[];
    readonly error: {
      readonly code: number;
      readonly message: string;
      readonly errors: readonly { readonly reason: string; readonly code: string }[];
    };
  };
}

interface Nic {
  readonly name: string;
  readonly fingerprint: string;
  readonly aliasIpRanges: readonly { readonly ipCidrRange: string; readonly subnetworkRangeName?: string }[];
}

type Ask = (method: string, path: string, body?: object) => Promise<Answer>;

async function withServer(test: (ask: Ask, sim: SimCloud, instance: string) => Promise<void>): Promise<void> {
  const sim = simCloud({
    pools: [
      {
        id: "subnet-a",
        cidrs: ["10.0.0.0/24", "10.64.0.0/20", "2001:db8::/64"],
        tags: { "netloom:secondary-range:pods": "10.64.0.0/20" },
      },
    ],
  });
  const { instance } = sim.launch({ name: "node1", pool: "subnet-a" });
  await using server = await serveCompute(sim);
  const ask: Ask = async (method, path, body) => {
    const response = await fetch(`${server.url}/compute/v1/projects/test/${path}`, {
      method,
      headers: { authorization: "Bearer token" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer["body"] };
  };
  await test(ask, sim, instance);
}

const ID = "00000000-0000-5000-8000-00000000000";

async function nicOf(ask: Ask, instance: string): Promise<Nic> {
  const { body } = await ask("GET", `zones/zone-a/instances/${instance}`);
  return body.networkInterfaces[0]!;
}

/** The operation, when it has ended. */
async function update(ask: Ask, instance: string, nic: object, request = `${ID}1`): Promise<Answer> {
  const path = `zones/zone-a/instances/${instance}/updateNetworkInterface?networkInterface=nic0`;
  const answer = await ask("PATCH", `${path}&requestId=${request}`, nic);
  if (answer.status !== 200) return answer;
  return ask("POST", `zones/zone-a/operations/${answer.body.name}/wait`);
}

describe("Compute Engine over HTTP", () => {
  it("replaces alias ranges, against a fingerprint, from the range that is named", () =>
    withServer(async (ask, sim, instance) => {
      const { fingerprint } = await nicOf(ask, instance);
      const aliasIpRanges = [
        { ipCidrRange: "/28", subnetworkRangeName: "pods" },
        { ipCidrRange: "10.64.1.5", subnetworkRangeName: "pods" },
        { ipCidrRange: "/32" },
      ];
      const done = await update(ask, instance, { fingerprint, aliasIpRanges });
      expect(done.body.status).toBe("DONE");
      const after = await nicOf(ask, instance);
      expect(after.fingerprint).not.toBe(fingerprint);
      expect(after.aliasIpRanges.map(({ subnetworkRangeName }) => subnetworkRangeName)).toEqual([
        "pods",
        "pods",
        undefined,
      ]);
      expect(after.aliasIpRanges[1]!.ipCidrRange).toBe("10.64.1.5");
      expect(after.aliasIpRanges[2]!.ipCidrRange).toMatch(/^10\.0\.0\.\d+(\/32)?$/);
      // The primary address, the block and the two others.
      expect(sim.owners().size).toBe(4);
      const late = await update(ask, instance, { fingerprint, aliasIpRanges: [] }, `${ID}2`);
      expect([late.status, late.body.error.errors[0]!.reason]).toEqual([412, "conditionNotMet"]);
      // As with any PATCH: what is not mentioned stays.
      await update(ask, instance, { fingerprint: after.fingerprint }, `${ID}3`);
      expect(sim.owners().size).toBe(4);
      const { fingerprint: last } = await nicOf(ask, instance);
      await update(ask, instance, { fingerprint: last, aliasIpRanges: [] }, `${ID}4`);
      expect(sim.owners().size).toBe(1);
    }));

  it("takes a request of the same id for the same", () =>
    withServer(async (ask, sim, instance) => {
      const { fingerprint } = await nicOf(ask, instance);
      const nic = { fingerprint, aliasIpRanges: [{ ipCidrRange: "/28" }] };
      await update(ask, instance, nic);
      const again = await update(ask, instance, nic);
      expect(again.body.status).toBe("DONE");
      expect(sim.owners().size).toBe(2);
    }));

  it("keeps how a request failed under its id, and takes no other under it", () =>
    withServer(async (ask, sim, instance) => {
      const { fingerprint } = await nicOf(ask, instance);
      const aliasIpRanges = Array.from({ length: 16 }, () => ({ ipCidrRange: "/28" }));
      const first = await update(ask, instance, { fingerprint, aliasIpRanges });
      const again = await update(ask, instance, { fingerprint, aliasIpRanges });
      expect([again.status, again.body.name]).toEqual([200, first.body.name]);
      const other = await update(ask, instance, { fingerprint, aliasIpRanges: [{ ipCidrRange: "/28" }] });
      expect([other.status, other.body.error.errors[0]!.reason]).toEqual([400, "invalid"]);
      expect(sim.owners().size).toBe(1);
    }));

  it("tells how an operation failed with an answer that says 200", () =>
    withServer(async (ask, sim, instance) => {
      const { fingerprint } = await nicOf(ask, instance);
      const aliasIpRanges = Array.from({ length: 16 }, () => ({ ipCidrRange: "/28" }));
      const { status, body } = await update(ask, instance, { fingerprint, aliasIpRanges });
      expect([status, body.error.errors[0]!.code]).toEqual([200, "IP_SPACE_EXHAUSTED"]);
      expect(sim.owners().size).toBe(1);
    }));

  it("shows a subnetwork with its ranges", () =>
    withServer(async (ask) => {
      const { body } = await ask("GET", "regions/zone/subnetworks/subnet-a");
      expect(body).toMatchObject({
        name: "subnet-a",
        ipCidrRange: "10.0.0.0/24",
        secondaryIpRanges: [{ rangeName: "pods", ipCidrRange: "10.64.0.0/20" }],
      });
    }));

  it("refuses as Google does: what is gone, not allowed, too much, or no UUID", () =>
    withServer(async (ask, sim, instance) => {
      const { fingerprint } = await nicOf(ask, instance);
      const gone = await ask("GET", "zones/zone-a/instances/i-none");
      expect([gone.status, gone.body.error.message]).toEqual([
        404,
        "The resource 'projects/test/zones/zone-a/instances/i-none' was not found",
      ]);
      expect((await update(ask, instance, { fingerprint }, "grow-1")).status).toBe(400);
      sim.deny("instances.updateNetworkInterface");
      const denied = await update(ask, instance, { fingerprint, aliasIpRanges: [] });
      expect([denied.status, denied.body.error.message]).toEqual([
        403,
        expect.stringContaining("'compute.instances.updateNetworkInterface'"),
      ]);
    }));

  it("breaks the connection where the answer is lost", () =>
    withServer(async (ask, sim, instance) => {
      sim.hooks = {
        after() {
          throw new SimConnectionError("lost");
        },
      };
      await expect(ask("GET", `zones/zone-a/instances/${instance}`)).rejects.toThrow("fetch failed");
    }));
});
