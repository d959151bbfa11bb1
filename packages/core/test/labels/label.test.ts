import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatLabel, parseLabel } from "../../src/labels/index.ts";
import { label } from "./arbitrary.ts";

describe("a label", () => {
  it("survives a round trip through its text", () => {
    fc.assert(
      fc.property(label, (it) => {
        expect(parseLabel(formatLabel(it))).toEqual(it);
      }),
    );
  });

  it.each([
    ["app=web", { source: "unspec", key: "app", value: "web" }],
    ["k8s:app=web", { source: "k8s", key: "app", value: "web" }],
    ["reserved:host", { source: "reserved", key: "host", value: "" }],
    ["k8s:app=", { source: "k8s", key: "app", value: "" }],
    ["cidr:10.0.0.0/8", { source: "cidr", key: "10.0.0.0/8", value: "" }],
    ["cidr:fd00--0/8", { source: "cidr", key: "fd00--0/8", value: "" }],
    ["fqdn:*.example.com", { source: "fqdn", key: "*.example.com", value: "" }],
    [
      "k8s:io.kubernetes.pod.namespace=kube-system",
      { source: "k8s", key: "io.kubernetes.pod.namespace", value: "kube-system" },
    ],
  ])("reads %s", (text, expected) => {
    expect(parseLabel(text)).toEqual(expected);
  });

  it.each([
    ["", "key"],
    ["k8s:", "key"],
    [":app=web", "source"],
    ["K8S:app=web", "source"],
    ["any:app=web", "any is not a source"],
    ["k8s:-app=web", "key"],
    ["k8s:a b=web", "key"],
    ["k8s:a:b=web", "key"],
    ["k8s:*=web", "key"],
    [`k8s:${"a".repeat(513)}=web`, "key"],
    ["k8s:app=web;k8s:b=c", "value"],
    ["k8s:app=-web", "value"],
    ["k8s:app=a=b", "value"],
    [`k8s:app=${"a".repeat(254)}`, "value"],
  ])("refuses %j because of its %s", (text, part) => {
    expect(() => parseLabel(text)).toThrow(
      expect.objectContaining({ code: "ERR_LABEL_INVALID", message: expect.stringContaining(part) }),
    );
  });

  it("refuses what is not a string", () => {
    expect(() => parseLabel(7 as unknown as string)).toThrow(
      expect.objectContaining({ code: "ERR_LABEL_INVALID" }),
    );
  });
});
