import { describe, expect, it } from "vitest";
import { parseAddress, parseCidr } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { rangeIpam, testNode, type TestNode } from "../support/cluster.ts";
import { oracleCases, type OraclePod, type OracleProbe } from "./oracle/cases.ts";
import { OracleCluster } from "./oracle/oracle-cluster.ts";

/** The pods of the cases have addresses from 192.168.1.1 on: some live on one node, some on the other. */
const RANGES = ["192.168.1.0/29", "192.168.1.8/29"];

/** All of them agree, and take five times as long: on the way from the store to the maps they have little to add. */
const SAMPLE = oracleCases().filter(({ number, steps }) => steps.length > 1 || number % 6 === 0);

/** What the agents say differently, of a pod to another: a pod may always reach itself. */
function differences(nodeOf: (pod: OraclePod) => TestNode, probes: readonly OracleProbe[]): string[] {
  return probes.flatMap((probe) => {
    const { from, to, protocol, port } = probe;
    const question = { source: from.address, destination: to.address, protocol, port };
    const there = nodeOf(from).agent.verdict(question).egress?.allowed;
    const here = nodeOf(to).agent.verdict(question).ingress?.allowed;
    if (there === probe.egress && here === probe.ingress) return [];
    return [`${from.name} to ${to.name} ${protocol}/${port}: egress ${there}, ingress ${here}`];
  });
}

describe("agents of two nodes, given Kubernetes' policies", () => {
  it(`agree with an independent simulator in ${SAMPLE.length} cases`, async () => {
    const store = memoryStore();
    const nodes = RANGES.map((range, index) =>
      testNode(store, index + 1, { ipam: rangeIpam(range, `192.168.2.${index + 1}`) }),
    );
    const nodeOf = ({ address }: OraclePod): TestNode =>
      nodes[RANGES.findIndex((range) => parseCidr(range).contains(parseAddress(address)))]!;
    for (const { agent } of nodes) await agent.start();
    const cluster = new OracleCluster((pod) => nodeOf(pod).agent);
    const different: string[] = [];
    let asked = 0;
    const began = performance.now();
    for (const { number, description, steps } of SAMPLE) {
      for (const [index, step] of steps.entries()) {
        await cluster.apply(step);
        const probes = step.probes.filter(({ from, to }) => from !== to);
        const found = differences(nodeOf, probes);
        different.push(...found.map((text) => `case ${number} (${description}), step ${index}: ${text}`));
        asked += probes.length;
      }
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${asked - different.length} of ${asked} verdicts of agents agreed; ${seconds} s`);
    expect(different).toEqual([]);
    expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
    for (const { agent } of nodes) await agent.stop();
  });
});
