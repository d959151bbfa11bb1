import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { LabelFilter, type LabelFilterOptions, formatLabel, parseLabel } from "../../src/labels/index.ts";

function kept(patterns: string[], labels: string[], options?: LabelFilterOptions): string[] {
  return new LabelFilter(patterns, options).select(labels.map(parseLabel)).map(formatLabel);
}

describe("a label filter", () => {
  it("by default drops what differs from pod to pod and keeps what policies are about", () => {
    const keep = [
      "k8s:app=web",
      "k8s:io.kubernetes.pod.namespace=default",
      "k8s:io.cilium.k8s.namespace.labels.team=a",
      "k8s:app.kubernetes.io/name=web",
      "cidr:10.0.0.0/8",
      "reserved:host",
    ];
    const drop = [
      "k8s:pod-template-hash=5d4f",
      "k8s:controller-revision-hash=5d4f",
      "k8s:statefulset.kubernetes.io/pod-name=web-0",
      "k8s:batch.kubernetes.io/controller-uid=1",
      "k8s:io.kubernetes.pod.uid=1",
      "k8s:kubernetes.io/arch=amd64",
    ];
    expect(kept([], [...keep, ...drop])).toEqual(keep);
  });

  it("keeps the rest as long as only exclusions are named", () => {
    expect(kept(["!team"], ["k8s:app=web", "k8s:team=a"])).toEqual(["k8s:app=web"]);
  });

  it("becomes a whitelist with a single inclusive pattern", () => {
    expect(kept(["k8s:app"], ["k8s:app=web", "k8s:team=a", "container:app=x"])).toEqual(["k8s:app=web"]);
    expect(kept(["k8s:app"], ["k8s:io.kubernetes.pod.namespace=default"])).toHaveLength(1);
    expect(kept(["k8s:app"], ["k8s:io.kubernetes.pod.namespace=default"], { defaults: false })).toHaveLength(
      0,
    );
  });

  it("lets the longest pattern decide", () => {
    const labels = ["k8s:foo=1", "k8s:foo.bar=1", "k8s:foo.bar.baz=1"];
    expect(kept(["!foo", "foo.bar", "!foo.bar.baz"], labels)).toEqual(["k8s:foo.bar=1"]);
  });

  it("puts your patterns before the default ones of the same length", () => {
    expect(kept(["pod-template-hash", "app"], ["k8s:pod-template-hash=1"])).toHaveLength(1);
    expect(kept(["!app.kubernetes.io"], ["k8s:app.kubernetes.io/name=web"])).toHaveLength(0);
  });

  it("always keeps reserved labels", () => {
    expect(kept(["!host", "reserved:!host", "k8s:app"], ["reserved:host"])).toEqual(["reserved:host"]);
  });

  it("keeps what an endpoint says of itself even where it is a whitelist", () => {
    const said = ["cidr:10.1.0.0/16", "port:tcp/http=8080"];
    expect(kept(["k8s:app"], said, { defaults: false })).toEqual(said);
    expect(kept(["!10", "!tcp"], said)).toEqual(said);
  });

  it("does not depend on the order of patterns", () => {
    const pattern = fc.constantFrom("a", "!a", "a.b", "!a.b", "k8s:a", "k8s:!a.b.c", "any:!a");
    const labels = ["k8s:a=1", "k8s:a.b=1", "k8s:a.b.c=1", "container:a=1", "container:a.b.c=1", "k8s:z=1"];
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 5 }), (patterns) => {
        expect(kept(patterns, labels)).toEqual(kept(patterns.toReversed(), labels));
      }),
    );
  });

  it.each(["", "!", "k8s:", "K8S:app", "kubernetes\\.io", "annotation.*", "a b"])(
    "refuses the pattern %j",
    (pattern) => {
      expect(() => new LabelFilter([pattern])).toThrow(
        expect.objectContaining({ code: "ERR_OPTIONS_INVALID" }),
      );
    },
  );
});
