import { join } from "node:path";
import { createInterface } from "node:readline";
import { createAgent, parseAddress, parseCidr, type Agent } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { ebpf } from "@netloom/datapath-ebpf";
import { Lab, makeFabric, whyNoLab } from "@netloom/lab";
import { vxlan } from "@netloom/routing-vxlan";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { oracleCases, type OraclePod, type OracleProbe } from "../../../core/test/kubernetes/oracle/cases.ts";
import { OracleCluster } from "../../../core/test/kubernetes/oracle/oracle-cluster.ts";
import { rangeIpam } from "../../../core/test/support/cluster.ts";

/** The pods of the cases have addresses from 192.168.1.1 on: some live on one node, some on the other. */
const RANGES = ["192.168.1.0/29", "192.168.1.8/29"];
const PROBE = join(import.meta.dirname, "..", "support", "probe.mjs");

/** Some, and those that take several steps: pods and policies that change. */
const CASES = oracleCases();
const SAMPLE = [
  ...CASES.filter(({ steps }) => steps.length > 1).slice(0, 6),
  ...CASES.filter(({ steps, number }) => steps.length === 1 && number % 14 === 0),
].slice(0, 20);

type Ask = (ends: readonly { host: string; port: number; protocol: string }[]) => Promise<readonly boolean[]>;

describe.skipIf(whyNoLab("Kubernetes' policies in the kernel") !== undefined)(
  "the kernel's datapath, given Kubernetes' policies",
  () => {
    let lab: Lab;
    let agents: readonly Agent[];
    const askers = new Map<string, Ask>();

    beforeAll(async () => {
      lab = new Lab("oracle");
      makeFabric(
        lab,
        [1, 2].map((number) => ({ name: `node${number}`, address: `192.168.50.${number}/24` })),
      );
      const store = memoryStore();
      agents = RANGES.map((range, index) =>
        createAgent({
          node: { name: `node${index + 1}`, addresses: [`192.168.50.${index + 1}`] },
          store,
          ipam: rangeIpam(range, `192.168.2.${index + 1}`),
          routing: vxlan(),
          datapath: ebpf({
            netns: lab.namespace(`node${index + 1}`).name,
            uplink: "eth0",
            bpffs: lab.bpffs,
            maxEntries: { conntrack: 16_384, nat: 16_384 },
          }),
        }),
      );
      for (const agent of agents) {
        await agent.start();
        lab.defer(() => agent.uninstall());
      }
      for (const { pods } of SAMPLE.flatMap(({ steps }) => steps)) for (const pod of pods) await asker(pod);
    });

    afterAll(() => lab[Symbol.asyncDispose]());

    const namespaceOf = ({ name }: OraclePod): string => name.replace("/", "-");

    /** A program in the pod's namespace that serves, and tries what it is told to. */
    async function asker(pod: OraclePod): Promise<void> {
      if (askers.has(pod.name)) return;
      const child = lab.spawn(namespaceOf(pod), process.execPath, [PROBE, "[80,81]"], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
      await lines.next();
      askers.set(pod.name, async (ends) => {
        child.stdin!.write(`${JSON.stringify(ends)}\n`);
        return JSON.parse((await lines.next()).value as string) as readonly boolean[];
      });
    }

    /** What came out differently. */
    async function differences(probes: readonly OracleProbe[]): Promise<readonly string[]> {
      const found = [...new Set(probes.map(({ from }) => from.name))].map(async (name) => {
        const asked = probes.filter(({ from }) => from.name === name);
        const ends = asked.map(({ to, port, protocol }) => ({ host: to.address, port, protocol }));
        const reached = await askers.get(name)!(ends);
        return asked.flatMap(({ to, protocol, port, egress, ingress }, index) =>
          reached[index] === (egress && ingress)
            ? []
            : [`${name} to ${to.name} ${protocol}/${port}: ${reached[index] ? "reached" : "not reached"}`],
        );
      });
      return (await Promise.all(found)).flat();
    }

    it(`lets real connections through as an independent simulator says, in ${SAMPLE.length} cases`, async () => {
      const agentOf = ({ address }: OraclePod): Agent =>
        agents[RANGES.findIndex((range) => parseCidr(range).contains(parseAddress(address)))]!;
      const cluster = new OracleCluster(agentOf, (pod) => lab.namespace(namespaceOf(pod)).name);
      const different: string[] = [];
      let asked = 0;
      for (const { number, description, steps } of SAMPLE) {
        for (const [index, step] of steps.entries()) {
          await cluster.apply(step);
          // This kernel has no SCTP; to itself a pod may always speak.
          const probes = step.probes.filter(({ from, to, protocol }) => from !== to && protocol !== "SCTP");
          const found = await differences(probes);
          different.push(...found.map((text) => `case ${number} (${description}), step ${index}: ${text}`));
          asked += probes.length;
        }
      }
      console.log(`${asked - different.length} of ${asked} connections and datagrams went as said`);
      expect(different).toEqual([]);
      expect(SAMPLE).toHaveLength(20);
    }, 240_000);
  },
);
