import { describe, expect, it } from "vitest";
import { translateNetworkPolicy } from "@netloom/core/kubernetes";
import { oracleCases, type OracleProbe, type OracleStep } from "./oracle/cases.ts";
import { PureEngine } from "./pure-engine.ts";

const VERDICTS = 123_669;

function show({ from, to, protocol, port, egress, ingress }: OracleProbe): string {
  return `${from.name} to ${to.name} ${protocol}/${port}: egress ${egress}, ingress ${ingress}`;
}

/** What the engine says differently. */
function differences(engine: PureEngine, { policies, pods, probes }: OracleStep): string[] {
  engine.apply(
    policies.map((policy) => translateNetworkPolicy(policy)),
    new Map(pods.map(({ name, labels }) => [name, labels])),
  );
  return probes.flatMap((probe) => {
    const { from, to, protocol, port } = probe;
    const egress = engine.allows({ direction: "egress", subject: from.name, peer: to.name, protocol, port });
    const ingress = engine.allows({
      direction: "ingress",
      subject: to.name,
      peer: from.name,
      protocol,
      port,
    });
    return egress === probe.egress && ingress === probe.ingress ? [] : [show(probe)];
  });
}

describe("the policy engine, given Kubernetes' policies", () => {
  it(`agrees with an independent simulator on all of ${VERDICTS} verdicts`, () => {
    const began = performance.now();
    const different: string[] = [];
    let asked = 0;
    let own = 0;
    let most = 0;
    for (const { number, description, steps } of oracleCases()) {
      const engine = new PureEngine();
      for (const [index, step] of steps.entries()) {
        const found = differences(engine, step);
        different.push(...found.map((text) => `case ${number} (${description}), step ${index}: ${text}`));
        asked += step.probes.length;
        own += step.probes.filter(({ from, to }) => from === to).length;
        most = Math.max(most, engine.entries);
      }
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(
      `${asked - different.length} of ${asked} verdicts agreed, ${own} of them of pods with themselves; ` +
        `at most ${most} entries in the policy map; ${seconds} s`,
    );
    expect(different).toEqual([]);
    expect(asked).toBe(VERDICTS);
  });
});
