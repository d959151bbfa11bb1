import { spawnSync } from "node:child_process";
import { prometheusText, type AgentStatus } from "@netloom/core";
import { describe, expect, it } from "vitest";

const status: AgentStatus = {
  node: { name: "node1", addresses: ["192.0.2.1"], podCIDRs: ["10.1.1.0/24"], routers: ["10.1.1.1"] },
  lifecycle: "running",
  revision: { seen: 12, applied: 10 },
  nodes: 2,
  endpoints: 3,
  identities: 4,
  policies: 5,
  services: 6,
  podMtu: 1450,
  ipam: {
    ranges: [
      {
        range: "10.1.1.0/24",
        pool: "default",
        capacity: 256,
        allocated: 3,
        free: 249,
        reserved: 3,
        quarantined: 1,
      },
    ],
  },
  metrics: [
    { name: "forward:to-endpoint", packets: 7n, bytes: 700n },
    { name: "drop:policy-denied", packets: 2n, bytes: 120n },
    { name: "events-unread", packets: 9n, bytes: 0n },
    { name: "offloaded", packets: 18_446_744_073_709_551_615n, bytes: 0n },
  ],
  errors: 1,
  driftsRepaired: 8,
};

const linesOf = (...agents: readonly AgentStatus[]): readonly string[] =>
  prometheusText(...agents).split("\n");

describe("prometheusText", () => {
  it("has a sample for everything an agent says of itself", () => {
    const samples = linesOf(status).filter((line) => line !== "" && !line.startsWith("#"));
    expect(samples).toEqual([
      'netloom_agent_running{node="node1"} 1',
      'netloom_revision_seen{node="node1"} 12',
      'netloom_revision_applied{node="node1"} 10',
      'netloom_revision_lag{node="node1"} 2',
      'netloom_nodes{node="node1"} 2',
      'netloom_endpoints{node="node1"} 3',
      'netloom_identities{node="node1"} 4',
      'netloom_policies{node="node1"} 5',
      'netloom_services{node="node1"} 6',
      'netloom_pod_mtu_bytes{node="node1"} 1450',
      'netloom_ipam_capacity_addresses{node="node1",pool="default",range="10.1.1.0/24"} 256',
      'netloom_ipam_addresses{node="node1",pool="default",range="10.1.1.0/24",state="allocated"} 3',
      'netloom_ipam_addresses{node="node1",pool="default",range="10.1.1.0/24",state="free"} 249',
      'netloom_ipam_addresses{node="node1",pool="default",range="10.1.1.0/24",state="reserved"} 3',
      'netloom_ipam_addresses{node="node1",pool="default",range="10.1.1.0/24",state="quarantined"} 1',
      'netloom_forwarded_packets_total{node="node1",outcome="to-endpoint"} 7',
      'netloom_forwarded_bytes_total{node="node1",outcome="to-endpoint"} 700',
      'netloom_dropped_packets_total{node="node1",reason="policy-denied"} 2',
      'netloom_dropped_bytes_total{node="node1",reason="policy-denied"} 120',
      'netloom_events_lost_total{node="node1",cause="buffer-full"} 0',
      'netloom_events_lost_total{node="node1",cause="slow-reader"} 9',
      'netloom_datapath_total{node="node1",name="offloaded"} 18446744073709551615',
      'netloom_errors_total{node="node1"} 1',
      'netloom_drifts_repaired_total{node="node1"} 8',
    ]);
  });

  it("says once what a metric means, however many agents have it", () => {
    const lines = linesOf(status, { ...status, node: { ...status.node, name: "node2" }, endpoints: 30 });
    const at = lines.indexOf("# TYPE netloom_endpoints gauge");
    expect(lines.slice(at - 1, at + 3)).toEqual([
      "# HELP netloom_endpoints Pods of this node.",
      "# TYPE netloom_endpoints gauge",
      'netloom_endpoints{node="node1"} 3',
      'netloom_endpoints{node="node2"} 30',
    ]);
    expect(lines.lastIndexOf("# TYPE netloom_endpoints gauge")).toBe(at);
  });

  it("leaves out what an agent that does not run cannot know, and nothing lags behind backwards", () => {
    const text = prometheusText({
      ...status,
      lifecycle: "stopped",
      metrics: [],
      revision: { seen: 0, applied: 3 },
    });
    expect(text).toContain('netloom_agent_running{node="node1"} 0\n');
    expect(text).toContain('netloom_revision_lag{node="node1"} 0\n');
    expect(text).not.toMatch(/packets|events_lost|datapath_total/);
  });

  it("escapes what somebody else has named", () => {
    const pool = 'a\\b"c\nd';
    const [range] = status.ipam.ranges;
    const text = prometheusText({ ...status, ipam: { ranges: [{ ...range!, pool }] } });
    expect(text).toContain('pool="a\\\\b\\"c\\nd"');
  });

  const { error } = spawnSync("promtool", ["--version"]);
  it.skipIf(error !== undefined)("is what Prometheus' own tool finds nothing to say about", () => {
    const { status: code, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: prometheusText(status, { ...status, node: { ...status.node, name: "node2" } }),
      encoding: "utf8",
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});
