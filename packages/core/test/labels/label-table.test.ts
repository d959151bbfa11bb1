import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Label, LabelTable, formatLabel, parseLabel } from "../../src/labels/index.ts";
import { labels } from "./arbitrary.ts";

const parse = (...texts: string[]): Label[] => texts.map(parseLabel);
const invalid = expect.objectContaining({ code: "ERR_LABEL_INVALID" });

describe("a label table", () => {
  it("gives the same object for the same labels, and another for others", () => {
    fc.assert(
      fc.property(fc.array(labels, { maxLength: 30 }), (lists) => {
        const table = new LabelTable();
        const seen = new Map<string, unknown>();
        for (const list of lists) {
          const key = list.map(formatLabel).sort().join(" ");
          const set = table.intern(list);
          expect(seen.get(key) ?? set).toBe(set);
          expect(table.intern(list.toReversed())).toBe(set);
          expect(table.intern([...list, ...list])).toBe(set);
          expect(table.parse(set.key)).toBe(set);
          expect(table.fromStrings(set.toStrings())).toBe(set);
          expect([...set].map(formatLabel).sort().join(" ")).toBe(key);
          seen.set(key, set);
        }
        expect(new Set(seen.values()).size).toBe(seen.size);
        expect(table.size).toBe(seen.size);
      }),
    );
  });

  it("writes sets canonically: by key, then source", () => {
    const table = new LabelTable();
    const set = table.intern(parse("k8s:tier=db", "k8s:app=web", "container:app", "reserved:host"));
    expect(set.key).toBe("container:app;k8s:app=web;reserved:host;k8s:tier=db");
    expect(JSON.stringify(set)).toBe('["container:app","k8s:app=web","reserved:host","k8s:tier=db"]');
    expect(table.intern([]).key).toBe("");
  });

  it("hashes sets by their text, alike everywhere", () => {
    const hashes = new Set<number>();
    for (let i = 0; i < 4096; i++)
      hashes.add(new LabelTable().fromStrings([`k8s:app=app-${i}`]).hash() % 65_280);
    expect(hashes.size).toBeGreaterThan(3900); // at random 3970 of 4096 choices are distinct
    expect(new LabelTable().fromStrings(["k8s:app=web", "k8s:tier=db"]).hash()).toBe(1_230_338_626);
    expect(new LabelTable().fromStrings([]).hash()).toBe(2_872_998_923);
  });

  it("answers for one source or for any", () => {
    const set = new LabelTable().intern(parse("k8s:app=web", "container:app=nginx", "k8s:empty"));
    expect(set.get("k8s:app")).toBe("web");
    expect(set.get("app")).toBe("nginx");
    expect(set.get("node:app")).toBeUndefined();
    expect(set.has("empty")).toBe(true);
    expect(set.size).toBe(3);
  });

  it("takes Kubernetes' records", () => {
    const table = new LabelTable();
    const set = table.internRecord("k8s", { app: "web", tier: "db" });
    expect(set).toBe(table.intern(parse("k8s:tier=db", "k8s:app=web")));
    expect(set).toBe(table.internRecord("k8s", { tier: "db", app: "web" }));
    expect(table.internRecord("k8s", {})).toBe(table.intern([]));
  });

  it("keeps nothing of what it refuses", () => {
    const table = new LabelTable();
    expect(() => table.intern(parse("k8s:app=a", "k8s:app=b"))).toThrow(invalid);
    expect(() => table.intern([...parse("k8s:app=a"), { source: "k8s", key: "-", value: "" }])).toThrow(
      invalid,
    );
    expect(() => table.internRecord("k8s", { app: 7 as unknown as string })).toThrow(invalid);
    expect(() => table.parse("k8s:app=a;")).toThrow(invalid);
    expect(table.size).toBe(0);
  });

  it("refuses a contradiction between labels it knows", () => {
    const table = new LabelTable();
    table.intern(parse("k8s:app=a"));
    table.intern(parse("k8s:app=b"));
    expect(() => table.intern(parse("k8s:app=a", "k8s:app=b"))).toThrow(invalid);
  });

  it("forgets a set once, and keeps the labels that others use", () => {
    const table = new LabelTable();
    const both = table.intern(parse("k8s:app=web", "k8s:tier=db"));
    const one = table.intern(parse("k8s:app=web"));
    expect(table.forget(both)).toBe(true);
    expect(table.forget(both)).toBe(false);
    expect(table.size).toBe(1);
    expect(table.intern(parse("k8s:app=web"))).toBe(one);
    expect(table.intern(parse("k8s:app=web", "k8s:tier=db"))).not.toBe(both);
  });

  it("stays consistent under any order of interning and forgetting", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(labels, fc.boolean()), { maxLength: 60 }), (steps) => {
        const table = new LabelTable();
        const model = new Map<string, unknown>();
        for (const [list, forget] of steps) {
          const set = table.intern(list);
          expect(model.get(set.key) ?? set).toBe(set);
          model.set(set.key, set);
          if (forget) {
            table.forget(set);
            model.delete(set.key);
          }
        }
        expect(table.size).toBe(model.size);
      }),
    );
  });

  it("knows nothing of other tables", () => {
    const [a, b] = [new LabelTable(), new LabelTable()];
    const set = a.intern(parse("k8s:app=web"));
    expect(b.intern(set)).not.toBe(set);
    expect(b.forget(set)).toBe(false);
  });
});
