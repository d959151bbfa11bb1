import { CloudError, type CloudFault, type CloudProvider, type NodeLimits } from "@netloom/ipam-cloud";
import { AcmeError, type AcmeClient, type AcmeMachine } from "./stand-in.ts";

/** All that Acme must write so that its machines' pods have addresses of its network. */
export function acme(client: AcmeClient): CloudProvider {
  return {
    name: "acme",
    account: "acme",
    capabilities: {
      families: [4],
      interfaces: "fixed",
      singles: [4],
      blocks: {},
      exact: false,
      release: true,
      throttles: [{ name: "writes", actions: ["lease", "free"], capacity: 100, perSecond: 20 }],
    },
    async *pools(_, call) {
      await call.admit("network");
      const { id, cidr, free } = await client.network();
      yield { id, cidrs: [cidr], tags: {}, freeAddresses: { 4: free } };
    },
    async readNode(node, call) {
      await call.admit("machine");
      const machine = await unlessGone(client.machine(node.instance));
      return machine && { node, interfaces: [interfaceOf(node.instance, machine)] };
    },
    limits: async ({ instanceType }) => SIZES[instanceType ?? "standard"],
    async assign({ node, count }, call) {
      await call.admit("lease");
      // Acme knows the label: what was asked for twice is given once.
      const given = await client.lease(node.instance, call.intent, count);
      return given.map((address) => `${address}/32`);
    },
    async unassign({ node, cidrs }, call) {
      for (const cidr of cidrs) {
        if (!cidr.endsWith("/32")) throw new CloudError({ kind: "invalid" }, `${cidr} is no lease of Acme`);
        await call.admit("free");
        await unlessGone(client.free(node.instance, cidr.slice(0, -"/32".length)));
      }
    },
    classify: (error) =>
      (error instanceof AcmeError ? faults[error.code] : undefined) ?? { kind: "ambiguous" },
  };
}

const SIZES: Readonly<Record<string, NodeLimits>> = { standard: { interfaces: 1, slots: { 4: 121 } } };

const faults: Readonly<Record<string, CloudFault>> = {
  "no-such-machine": { kind: "gone", what: "instance" },
  "network-full": { kind: "exhausted", what: "pool-addresses", id: "acme-net" },
  "machine-full": { kind: "exhausted", what: "interface-slots" },
  "slow-down": { kind: "throttled", retryAfter: 1000 },
};

function interfaceOf(machine: string, { address, leases }: AcmeMachine) {
  return {
    id: `${machine}/eth0`,
    index: 0,
    pool: "acme-net",
    primary: true,
    managed: true,
    state: "attached",
    addresses: [
      { cidr: `${address}/32`, role: "primary", ready: true },
      ...leases.map((lease) => ({ cidr: `${lease}/32`, role: "secondary", ready: true }) as const),
    ],
    gateway: "10.7.0.1",
    securityGroups: [],
    deleteWithInstance: true,
  } as const;
}

async function unlessGone<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AcmeError && error.code === "no-such-machine") return undefined;
    throw error;
  }
}
