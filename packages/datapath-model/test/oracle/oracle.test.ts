import { vxlan } from "@netloom/routing-vxlan";
import { describe, expect, it } from "vitest";
import { createAgent, parseAddress, parseCidr, type Agent } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import {
  IpProtocol,
  ipFrame,
  modelDatapath,
  modelFabric,
  TcxVerdict,
  tcpFrame,
  udpFrame,
  type ModelDatapath,
} from "@netloom/datapath-model";
import { oracleCases, type OraclePod, type OracleProbe } from "../../../core/test/kubernetes/oracle/cases.ts";
import { OracleCluster } from "../../../core/test/kubernetes/oracle/oracle-cluster.ts";
import { rangeIpam } from "../../../core/test/support/cluster.ts";

const VERDICTS = 123_669;

/** The pods of the cases have addresses from 192.168.1.1 on: some live on one node, some on the other. */
const RANGES = ["192.168.1.0/29", "192.168.1.8/29"];

interface Node {
  readonly agent: Agent;
  readonly datapath: ModelDatapath;
  readonly address: number;
}

function frameOf({ from, to, protocol, port }: OracleProbe): Uint8Array {
  const ends = { from: `${from.address}:50000`, to: `${to.address}:${port}` };
  if (protocol === "TCP") return tcpFrame(ends);
  if (protocol === "UDP") return udpFrame(ends);
  const body = new Uint8Array(12);
  new DataView(body.buffer).setUint32(0, 50_000 * 65_536 + port);
  return ipFrame({ source: from.address, destination: to.address, protocol: IpProtocol.SCTP, body });
}

describe("the model, given Kubernetes' policies", () => {
  it(`does with packets what an independent simulator says, ${VERDICTS} times but for pods to themselves`, async () => {
    const store = memoryStore();
    const fabric = modelFabric({ stacks: false });
    const nodes = RANGES.map((range, index): Node => {
      const datapath = modelDatapath({ fabric, events: "none" });
      const address = `192.0.2.${index + 1}`;
      const agent = createAgent({
        node: { name: `node${index + 1}`, addresses: [address] },
        store,
        ipam: rangeIpam(range, `192.168.2.${index + 1}`),
        routing: vxlan(),
        datapath,
      });
      return { agent, datapath, address: parseAddress(address).w3 };
    });
    const nodeOf = ({ address }: OraclePod): Node =>
      nodes[RANGES.findIndex((range) => parseCidr(range).contains(parseAddress(address)))]!;
    for (const { agent } of nodes) await agent.start();
    const cluster = new OracleCluster((pod) => nodeOf(pod).agent);

    /** Where the packet is stopped, if it is. */
    const outcome = (probe: OracleProbe): "egress" | "ingress" | "delivered" => {
      const [source, target] = [nodeOf(probe.from), nodeOf(probe.to)];
      const { ifindex } = source.datapath.maps.endpoints.get({ address: parseAddress(probe.from.address) })!;
      const sent = source.datapath.runSync(frameOf(probe), "from-container", { ifindex });
      if (source === target) return sent.verdict === TcxVerdict.REDIRECT ? "delivered" : "egress";
      if (sent.tunnel === undefined) return "egress";
      const tunnel = { id: sent.tunnel.id, remote: source.address };
      const { verdict } = target.datapath.runSync(sent.packet, "from-overlay", { tunnel });
      return verdict === TcxVerdict.REDIRECT ? "delivered" : "ingress";
    };

    const different: string[] = [];
    let asked = 0;
    let own = 0;
    const began = performance.now();
    for (const { number, description, steps } of oracleCases()) {
      for (const [index, step] of steps.entries()) {
        await cluster.apply(step);
        for (const probe of step.probes) {
          asked++;
          // To itself a pod may always speak.
          if (probe.from === probe.to) {
            own++;
            continue;
          }
          const what = outcome(probe);
          const { from, to, egress, ingress } = probe;
          const remote = nodeOf(from) !== nodeOf(to);
          const right =
            (what === "delivered") === (egress && ingress) && (!remote || (what === "egress") === !egress);
          if (right) continue;
          const text = `${from.name} to ${to.name} ${probe.protocol}/${probe.port}: ${what}`;
          different.push(`case ${number} (${description}), step ${index}: ${text}`);
        }
      }
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${asked - own - different.length} of ${asked - own} packets went as said; ${seconds} s`);
    expect(different).toEqual([]);
    expect(asked).toBe(VERDICTS);
    for (const { agent } of nodes) await agent.stop();
  }, 180_000);
});
