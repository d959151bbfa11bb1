import { ManualClock } from "@netloom/core/memory";
import { awsLike, simCloud, type SimCloud } from "@netloom/sim-cloud";
import { describe, expect, it } from "vitest";
import { Lives } from "./support/life.ts";

interface Burst {
  /** Requests of a node that starts: what it must know, and its first warm addresses. */
  readonly start: number;
  readonly requests: readonly string[];
  readonly milliseconds: number;
  readonly sim: SimCloud;
}

/** 100 pods at once on one node of an EC2-like cloud, with latencies as the peers were modelled with. */
async function burst(blocks: boolean): Promise<Burst> {
  const clock = new ManualClock(1_000_000);
  const pools = [{ id: "subnet-a", cidrs: ["10.0.0.0/20"] }];
  const sim = simCloud({ clock, pools, latency: 500, attachTime: 4000 });
  const instance = sim.launch({ name: "node1", pool: "subnet-a" });
  const options = { instance, policy: { blocks } };
  const lives = new Lives(awsLike(sim), options, clock);
  const ipam = await lives.begin();
  await lives.pass(20_000);
  const [before, at] = [sim.calls.length, clock.now()];
  const leases = await lives.allocate(ipam, 100);
  const milliseconds = clock.now() - at;
  await lives.pass(20_000);
  expect(new Set(leases.flatMap(({ addresses }) => addresses)).size).toBe(100);
  await ipam[Symbol.asyncDispose]();
  return { start: before, requests: sim.calls.slice(before).map(({ action }) => action), milliseconds, sim };
}

/** Requests of a burst, and those of them that change something, by the peers' published loops: modelled, not measured. */
const PEERS: readonly (readonly [string, number, number])[] = [
  ["VPC CNI, its defaults", 22, 11],
  ["VPC CNI, blocks", 10, 8],
  ["Cilium, single addresses", 16, 11],
  ["Cilium, blocks", 4, 2],
];

function isChange(action: string): boolean {
  return !action.startsWith("Describe");
}

describe("100 pods at once on an EC2-like cloud, 8 interfaces of 30 addresses", () => {
  it("take one request with blocks", async () => {
    const { requests, milliseconds } = await burst(true);
    expect(requests).toEqual(["AssignPrivateIpAddresses"]);
    expect(milliseconds).toBeLessThan(1000);
  });

  it("take one assignment, three interfaces and one read for all of these with single addresses", async () => {
    const { requests } = await burst(false);
    expect(requests.toSorted()).toEqual(
      [
        "AssignPrivateIpAddresses",
        "DescribeNetworkInterfaces",
        ...Array.from({ length: 3 }, () => [
          "CreateNetworkInterface",
          "AttachNetworkInterface",
          "ModifyNetworkInterfaceAttribute",
        ]).flat(),
      ].toSorted(),
    );
  });

  it("take fewer requests than the peers'", async () => {
    const [singles, blocks] = [await burst(false), await burst(true)];
    const ours = [
      ["Netloom, single addresses", singles],
      ["Netloom, blocks", blocks],
    ] as const;
    const rows = [
      ...PEERS,
      ...ours.map(([who, { requests }]) => [who, requests.length, requests.filter(isChange).length] as const),
    ];
    console.log(
      ["0 to 100 pods on one node that has started: requests (of which change something)"]
        .concat(rows.map(([who, all, changes]) => `  ${who.padEnd(28)}${all} (${changes})`))
        .concat(`  and ${singles.start} to start the node; the VPC CNI's figures include 3 for that`)
        .join("\n"),
    );
    expect(singles.requests.length).toBeLessThanOrEqual(11);
    expect(blocks.requests.length).toBeLessThanOrEqual(2);
  });
});
