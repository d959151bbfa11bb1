import { describe, expect, it } from "vitest";
import { LabelTable } from "../../src/labels/index.ts";
import { blockOf, namedPort, portLabel } from "../../src/policy/named-ports.ts";

const labels = new LabelTable();
const http = namedPort("TCP", "http");

describe("a port by name", () => {
  it("is what the destination's label says", () => {
    const endpoint = labels.fromStrings([portLabel({ protocol: "TCP", name: "http", port: 8080 })]);
    expect(endpoint.toStrings()).toEqual(["port:tcp/http=8080"]);
    expect(blockOf(http, endpoint)).toEqual({ protocol: 6, port: 8080, bits: 16 });
    expect(blockOf(namedPort("UDP", "http"), endpoint)).toBeUndefined();
  });

  it.each(["", "0", "65536", "8e3", "x"])("is no port where the label says %j", (said) => {
    expect(blockOf(http, labels.fromStrings([`port:tcp/http=${said}`]))).toBeUndefined();
  });

  it("is nobody's who is no endpoint", () => {
    expect(blockOf(http, undefined)).toBeUndefined();
  });

  it.each([
    { protocol: "ICMP", name: "http", port: 80 },
    { protocol: "TCP", name: "my port", port: 80 },
    { protocol: "TCP", name: "http", port: 0 },
    { protocol: "TCP", name: "http", port: 1.5 },
  ])("has no label for %j", (port) => {
    expect(() => portLabel(port as Parameters<typeof portLabel>[0])).toThrow(
      expect.objectContaining({ code: "ERR_LABEL_INVALID", input: port }),
    );
  });
});
