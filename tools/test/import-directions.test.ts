import { describe, expect, it } from "vitest";
import { wrongImports } from "../import-directions.ts";
import { importsOf } from "../read-imports.ts";
import type { Workspace } from "../workspaces.ts";

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  core: ["lru-cache"],
  "bpf-loader": ["koffi"],
  netlink: ["koffi"],
  conformance: ["@netloom/core"],
  "datapath-ebpf": ["@netloom/core", "@netloom/bpf-loader", "@netloom/netlink"],
  "ipam-host-scope": ["@netloom/core", "@netloom/routing-vxlan", "@netloom/netlink"],
  "ipam-cloud": ["@netloom/core"],
  "ipam-azure": ["@netloom/core", "@netloom/ipam-cloud", "@netloom/ipam-host-scope"],
  "routing-vxlan": ["@netloom/core"],
};

/** A repository in which every dependency is named, so that only the direction can be wrong. */
const workspaces: Workspace[] = [
  ...Object.entries(PACKAGES).map(([name, dependencies]) =>
    workspace(`packages/${name}`, name, dependencies),
  ),
  workspace("examples/hello", "example-hello", []),
];

function workspace(directory: string, name: string, dependencies: readonly string[]): Workspace {
  const entry = (path: string) => ({ specifier: `@netloom/${name}${path}`, source: "", built: "" });
  const entries = [entry(""), entry("/memory")];
  const published = directory.startsWith("packages/");
  const identity = { name: `@netloom/${name}`, version: "1.0.0", directory, published };
  return { ...identity, entries, commands: [], dependencies };
}

const check = (file: string, ...imports: readonly string[]): string[] =>
  wrongImports([{ file, imports }], workspaces);

describe("import directions", () => {
  it.each([
    ["packages/ipam-host-scope/src/a.ts", "@netloom/core", "node:fs", "./b.ts"],
    ["packages/ipam-host-scope/src/a.ts", "@netloom/core/memory"],
    ["packages/datapath-ebpf/src/maps/a.ts", "@netloom/bpf-loader", "@netloom/netlink", "../b.ts"],
    ["packages/ipam-azure/src/a.ts", "@netloom/ipam-cloud"],
    ["packages/bpf-loader/src/sys/a.ts", "koffi", "node:fs", "../b.ts"],
    ["packages/core/src/index.ts", "./agent/agent.ts", "./memory/index.ts", "lru-cache"],
    ["packages/core/src/agent/agent.ts", "./endpoints.ts", "../ports/index.ts", "../errors.ts"],
    ["packages/core/test/agent/agent.test.ts", "../../src/agent/agent.ts", "node:fs", "vitest"],
    ["packages/netlink/bench/pods.ts", "../src/index.ts"],
    ["packages/ipam-host-scope/test/a.test.ts", "../../core/test/support/turns.ts", "@netloom/routing-vxlan"],
    ["examples/hello/main.ts", "@netloom/core", "@netloom/datapath-ebpf", "./walk.ts", "node:fs"],
    ["tools/generate.ts", "@netloom/bpf-loader", "./gates.ts"],
  ])("lets %s import what it may", (file, ...imports) => {
    expect(check(file, ...imports)).toEqual([]);
  });

  it.each([
    ["packages/core/src/a.ts", "@netloom/netlink", "core imports no other package"],
    ["packages/core/src/a.ts", "node:fs", "any JavaScript engine"],
    ["packages/core/src/a.ts", "fs", "any JavaScript engine"],
    ["packages/core/src/a.ts", "eventemitter3", "does not name it under dependencies"],
    ["packages/bpf-loader/src/a.ts", "@netloom/core", "stands on its own"],
    ["packages/netlink/src/a.ts", "@netloom/bpf-loader", "stands on its own"],
    ["packages/ipam-host-scope/src/a.ts", "@netloom/routing-vxlan", "meet in the application"],
    ["packages/ipam-host-scope/src/a.ts", "@netloom/netlink", "meet in the application"],
    [
      "packages/ipam-azure/src/a.ts",
      "@netloom/ipam-host-scope",
      "builds on core, ipam-cloud and nothing else",
    ],
    ["packages/conformance/src/a.ts", "@netloom/netlink", "builds on core, ipam-cloud and nothing else"],
    ["packages/conformance/src/a.ts", "vitest", "does not name it under dependencies"],
    [
      "packages/conformance/src/a.ts",
      "@netloom/core/ports",
      "no entry point; those are @netloom/core, @netloom",
    ],
    ["packages/conformance/src/a.ts", "../../core/src/index.ts", "it leaves its package"],
    ["packages/routing-vxlan/src/a.ts", "@netloom/core/src/ports/index.ts", "no entry point"],
    ["packages/routing-vxlan/src/a.ts", "@netloom/routing-vxlan", "imports are relative"],
    ["packages/routing-vxlan/src/a.ts", "../test/support.ts", "what is published is in src/"],
    ["packages/routing-vxlan/test/a.test.ts", "../../core/src/errors.ts", "it leaves its package"],
    ["packages/routing-vxlan/test/a.test.ts", "@netloom/core/errors", "no entry point"],
    ["examples/hello/main.ts", "../../packages/core/src/index.ts", "it leaves its package"],
    ["examples/hello/main.ts", "@netloom/core/agent", "no entry point"],
    ["tools/generate.ts", "../packages/bpf-loader/src/index.ts", "import the package by its name"],
    ["packages/core/src/policy/a.ts", "../agent/agent.ts", "none of them knows it"],
    ["packages/core/src/ports/a.ts", "../memory/index.ts", "none of them knows it"],
    ["packages/core/src/lifecycle.ts", "./operator/operator.ts", "none of them knows it"],
    ["packages/core/src/memory/a.ts", "../agent/agent.ts", "none of them knows it"],
  ])("does not let %s import %s", (file, specifier, why) => {
    expect(check(file, specifier)).toEqual([expect.stringContaining(`${file} imports ${specifier}: `)]);
    expect(check(file, specifier)[0]).toContain(why);
  });
});

describe("the imports of a module", () => {
  it("are found in every way to write one, and nowhere else", () => {
    const text = `
      import type { A } from "a";
      import "b";
      export { c } from "c";
      export * from "d";
      const e = await import("e");
      type F = import("f").F;
      // import "no" from "comment";
      const code = 'import { no } from "text";';
      export const g = 1;
    `;
    expect(importsOf("x.ts", text)).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("are not guessed where the module cannot be read", () => {
    expect(() => importsOf("x.ts", "import {")).toThrow("x.ts: ");
  });
});
