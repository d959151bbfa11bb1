import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  LabelTable,
  type SelectorInput,
  matches,
  parseLabel,
  parseSelector,
} from "../../src/labels/index.ts";
import { labels, naivelyMatches, selectorInput } from "./arbitrary.ts";

const set = (...texts: string[]) => new LabelTable().intern(texts.map(parseLabel));

describe("a selector", () => {
  it("matches as Kubernetes defines it, for any selector and labels", () => {
    const table = new LabelTable();
    fc.assert(
      fc.property(selectorInput, labels, (input, list) => {
        expect(matches(parseSelector(input), table.intern(list))).toBe(naivelyMatches(input, list));
      }),
      { numRuns: 5000 },
    );
  });

  it("matches everything when it is empty", () => {
    for (const input of [{}, { matchLabels: {} }, { matchExpressions: [] }]) {
      expect(matches(parseSelector(input), set())).toBe(true);
      expect(parseSelector(input).key).toBe("*");
    }
  });

  it("takes an absent key for a match of NotIn and DoesNotExist", () => {
    const notIn = parseSelector({ matchExpressions: [{ key: "env", operator: "NotIn", values: ["prod"] }] });
    const absent = parseSelector({ matchExpressions: [{ key: "env", operator: "DoesNotExist" }] });
    expect(matches(notIn, set("k8s:app=web"))).toBe(true);
    expect(matches(notIn, set("k8s:env=prod"))).toBe(false);
    expect(matches(notIn, set("k8s:env=dev", "container:env=prod"))).toBe(false);
    expect(matches(absent, set("k8s:app=web"))).toBe(true);
    expect(matches(absent, set("k8s:env"))).toBe(false);
  });

  it("looks at one source when the key names it, and at all of them otherwise", () => {
    const labelled = set("container:app=web");
    expect(matches(parseSelector({ matchLabels: { app: "web" } }), labelled)).toBe(true);
    expect(matches(parseSelector({ matchLabels: { "any:app": "web" } }), labelled)).toBe(true);
    expect(matches(parseSelector({ matchLabels: { "container:app": "web" } }), labelled)).toBe(true);
    expect(matches(parseSelector({ matchLabels: { "k8s:app": "web" } }), labelled)).toBe(false);
  });

  it("has one key for each meaning of its requirements, in kubectl's notation", () => {
    const key = (input: SelectorInput): string => parseSelector(input).key;
    const written: SelectorInput = {
      matchLabels: { "k8s:tier": "db", "any:app": "web" },
      matchExpressions: [
        { key: "env", operator: "In", values: ["b", "a", "b"] },
        { key: "zone", operator: "NotIn", values: ["x"] },
        { key: "canary", operator: "DoesNotExist" },
        { key: "app", operator: "Exists" },
        { key: "app", operator: "In", values: ["web"] },
      ],
    };
    expect(key(written)).toBe("!canary,app,app=web,env in (a,b),k8s:tier=db,zone!=x");
    expect(key({ ...written, matchExpressions: written.matchExpressions!.toReversed() })).toBe(key(written));
    expect(key({ matchLabels: { a: "" } })).not.toBe(
      key({ matchExpressions: [{ key: "a", operator: "Exists" }] }),
    );
  });

  it("has the same key only when it matches the same sets", () => {
    fc.assert(
      fc.property(selectorInput, selectorInput, labels, (a, b, list) => {
        fc.pre(parseSelector(a).key === parseSelector(b).key);
        expect(naivelyMatches(a, list)).toBe(naivelyMatches(b, list));
      }),
      { numRuns: 200, maxSkipsPerRun: 10_000 },
    );
  });

  it.each([
    [undefined, "selector: undefined is not an object"],
    [[], "selector: a list of 0 is not an object"],
    [{ matchLabel: {} }, "selector.matchLabel"],
    [{ matchLabels: [] }, "selector.matchLabels"],
    [{ matchLabels: { "a b": "x" } }, "selector.matchLabels"],
    [{ matchLabels: { app: "-x" } }, 'selector.matchLabels["app"]'],
    [{ matchLabels: { app: 1 } }, 'selector.matchLabels["app"]: 1'],
    [{ matchExpressions: {} }, "selector.matchExpressions"],
    [{ matchExpressions: [null] }, "selector.matchExpressions[0]: null"],
    [
      { matchExpressions: [{ key: "a", operator: "in", values: ["x"] }] },
      "selector.matchExpressions[0].operator",
    ],
    [{ matchExpressions: [{ operator: "Exists" }] }, "selector.matchExpressions[0].key"],
    [{ matchExpressions: [{ key: "a", operator: "In" }] }, "give In at least one value"],
    [{ matchExpressions: [{ key: "a", operator: "NotIn", values: [] }] }, "give NotIn at least one value"],
    [{ matchExpressions: [{ key: "a", operator: "Exists", values: ["x"] }] }, "leave values out"],
    [{ matchExpressions: [{ key: "a", operator: "In", values: ["x", {}] }] }, "values[1]: an object"],
    [{ matchExpressions: [{ key: "a", operator: "In", values: "x" }] }, 'values: "x" is not a list'],
    [
      { matchExpressions: [{ key: "a", operator: "In", value: ["x"] }] },
      "selector.matchExpressions[0].value:",
    ],
    [{ matchExpressions: [{ key: "K:a", operator: "Exists" }] }, "selector.matchExpressions[0].key"],
  ])("refuses %j, naming the place", (input, where) => {
    expect(() => parseSelector(input)).toThrow(
      expect.objectContaining({ code: "ERR_SELECTOR_INVALID", message: expect.stringContaining(where) }),
    );
  });

  it("names the place under the path it was given", () => {
    expect(() => parseSelector(7, "spec.podSelector")).toThrow("spec.podSelector: 7 is not an object");
  });
});
