import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BgpErrorCode } from "@netloom/bgp";
import { BPF_ERROR_CODES } from "@netloom/bpf-loader";
import { ERROR_CODES } from "@netloom/core";
import { maps } from "@netloom/core/backend";
import type { BatchError, NetlinkErrorCode } from "@netloom/netlink";
import type { SocketErrorCode } from "@netloom/sockets";
import { describe, expect, it, onTestFinished } from "vitest";
import { Examples } from "./support/examples.ts";
import {
  anchorOf,
  blocksOf,
  headingsOf,
  linksOf,
  markdownFiles,
  readText,
  ROOT,
} from "./support/markdown.ts";

// Some have their codes as a type: the compiler sees to it that none is missing here, and none too many.
const NETLINK_CODES = {
  ERR_BATCH: true,
  ERR_CLOSED: true,
  ERR_EXISTS: true,
  ERR_INVALID: true,
  ERR_NOT_FOUND: true,
  ERR_PERMISSION: true,
  ERR_SYSCALL: true,
  ERR_UNSUPPORTED: true,
} as const satisfies Record<NetlinkErrorCode | BatchError["code"], true>;

const BGP_CODES = {
  ERR_BGP_CLOSED: true,
  ERR_BGP_CONFIG: true,
  ERR_BGP_MESSAGE: true,
  ERR_BGP_NOTIFIED: true,
  ERR_BGP_TIMEOUT: true,
  ERR_BGP_TRANSPORT: true,
} as const satisfies Record<BgpErrorCode, true>;

const SOCKET_CODES = {
  ERR_ADDRESS_IN_USE: true,
  ERR_CLOSED: true,
  ERR_INVALID: true,
  ERR_NOT_FOUND: true,
  ERR_PERMISSION: true,
  ERR_REFUSED: true,
  ERR_SYSCALL: true,
  ERR_TIMED_OUT: true,
  ERR_UNREACHABLE: true,
  ERR_UNSUPPORTED: true,
} as const satisfies Record<SocketErrorCode, true>;

const CODES = {
  "@netloom/core": ERROR_CODES,
  "@netloom/bpf-loader": BPF_ERROR_CODES,
  "@netloom/netlink": Object.keys(NETLINK_CODES),
  "@netloom/bgp": Object.keys(BGP_CODES),
  "@netloom/sockets": Object.keys(SOCKET_CODES),
} as const;

/** Their examples need nothing but Node. */
const RUN = /^(README\.md|docs\/[^/]+|packages\/(bgp|core|ipam-[^/]+|routing-[^/]+)\/README\.md)$/;

const packages = readdirSync(join(ROOT, "packages")).filter((name) =>
  existsSync(join(ROOT, "packages", name, "package.json")),
);
const files = markdownFiles();
const blocks = files.flatMap((file) => blocksOf(file, "ts"));
const whole = blocks.filter(({ fragment }) => fragment === undefined);

describe("docs/errors.md", () => {
  const headings = headingsOf(readText("docs/errors.md"));
  const section = (name: string): readonly { readonly text: string; readonly body: string }[] => {
    const start = headings.findIndex(({ level, text }) => level === 2 && text === name) + 1;
    const end = headings.findIndex(({ level }, index) => index >= start && level < 3);
    return headings.slice(start, end < 0 ? undefined : end);
  };

  it("has a section for each package that has codes, and no heading elsewhere", () => {
    expect(headings.filter(({ level }) => level === 2).map(({ text }) => text)).toEqual(Object.keys(CODES));
    expect(headings.filter(({ level }) => level === 3)).toHaveLength(Object.values(CODES).flat().length);
  });

  it.each(Object.entries(CODES))(
    "has one heading for each code of %s, and none for others",
    (name, codes) => {
      expect(section(name).map(({ text }) => text)).toEqual([...codes].sort());
    },
  );

  it.each(Object.keys(CODES))("says in a few lines of each code of %s whether to try again", (name) => {
    for (const { text, body } of section(name)) {
      expect(body.split("\n").length, text).toBeLessThanOrEqual(8);
      expect(body, text).toMatch(/^\*\*Retry:\*\* ./m);
    }
  });

  it("says which codes nothing throws yet, and only of those", () => {
    const sources = readdirSync(join(ROOT, "packages"), { recursive: true, encoding: "utf8" }).filter(
      // The kits throw what backends of other people might.
      (path) => /^(?!conformance|simulation)[^/]+\/src\/.*\.ts$/.test(path) && path !== "core/src/errors.ts",
    );
    const code = sources.map((path) => readText(`packages/${path}`)).join("\n");
    // Who handles a code does not throw it.
    const thrown = code.replaceAll(/isNetloomError\([^)]*\)/g, "");
    const unused = ERROR_CODES.filter((name) => !thrown.includes(`"${name}"`));
    const said = section("@netloom/core").filter(({ body }) =>
      body.includes("Nothing in this repository throws it"),
    );
    expect(
      said.map(({ text }) => text),
      "correct docs/errors.md",
    ).toEqual(unused);
  });
});

describe("docs/architecture.md", () => {
  const inside = (directory: string): string[] =>
    readdirSync(join(ROOT, directory), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.name.endsWith(".c"))
      .map(({ name }) => name.replace(/\.c$/, ""));

  it.each([
    ["packages", packages],
    ["packages/core/src", inside("packages/core/src")],
    ["bpf", inside("bpf")],
  ])("names every room of %s", (_, rooms) => {
    const text = readText("docs/architecture.md");
    const missing = rooms.filter((name) => !text.includes(`\`${name}\``));
    expect(missing, "draw them in docs/architecture.md").toEqual([]);
  });
});

describe("README.md", () => {
  it("has every package in its table", () => {
    const text = readText("README.md");
    expect(packages.filter((name) => !text.includes(`| [\`@netloom/${name}\`](packages/${name}) |`))).toEqual(
      [],
    );
  });
});

describe("a package's README", () => {
  it.each(packages)("of %s says what it is, shows it, and says what it needs and its license", (name) => {
    const file = `packages/${name}/README.md`;
    expect(existsSync(join(ROOT, file)), `${file} is missing`).toBe(true);
    const [title, ...rest] = headingsOf(readText(file));
    expect(title).toMatchObject({ level: 1, text: `@netloom/${name}` });
    expect(blocksOf(file, "ts").length).toBeGreaterThan(0);
    expect(rest.map(({ text }) => text)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(What it n|N)eeds$/), "License"]),
    );
  });

  // An option that is new, gone or renamed: the table in the README follows.
  it.each([
    ["core", "src/agent/options.ts", "AgentOptions"],
    ["core", "src/operator/operator.ts", "OperatorOptions"],
    ["core", "src/memory/store.ts", "MemoryStoreOptions"],
    ["core", "src/memory/datapath.ts", "MemoryDatapathOptions"],
    ["datapath-ebpf", "src/options.ts", "EbpfOptions"],
    ["ipam-azure", "src/options.ts", "AzureProviderOptions"],
    ["ipam-cloud", "src/options.ts", "CloudIpamOptions"],
    ["ipam-cloud", "src/options.ts", "CloudIpamTimes"],
    ["ipam-cloud", "src/watermarks.ts", "Watermarks"],
    ["ipam-cluster-pool", "src/cluster-pool.ts", "ClusterPoolOptions"],
    ["ipam-cluster-pool", "src/pools.ts", "PoolDefinition"],
    ["ipam-gke", "src/options.ts", "GkeProviderOptions"],
    ["ipam-host-scope", "src/options.ts", "HostScopeOptions"],
    ["routing-native", "src/options.ts", "NativeOptions"],
    ["routing-vxlan", "src/vxlan.ts", "VxlanOptions"],
    ["sim-cloud", "src/cloud/options.ts", "SimCloudOptions"],
  ])("of %s has a row for each option in %s, %s", (name, source, options) => {
    const declared = new RegExp(`^export interface ${options} \\{\n([^]*?)^\\}`, "m");
    const body = declared.exec(readText(`packages/${name}/${source}`))?.[1] ?? "";
    const names = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, option = ""]) => option);
    const rows = readText(`packages/${name}/README.md`).matchAll(/^\| (`[^|]+) \|/gm);
    const told = new Set(
      [...rows].flatMap(([, cell = ""]) => [...cell.matchAll(/`(\w+)/g)].map(([, word = ""]) => word)),
    );
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((option) => !told.has(option))).toEqual([]);
  });
});

describe("the README of datapath-ebpf", () => {
  const text = readText("packages/datapath-ebpf/README.md");
  const rowsBelow = (header: string): string[][] => {
    const table = text.slice(text.indexOf(header)).split("\n\n")[0] ?? "";
    return [...table.matchAll(/^\| (`.+)\|$/gm)].map(([, row = ""]) =>
      row.split("|").map((cell) => cell.trim()),
    );
  };

  it("explains every reason for which bpf/ drops a packet, and no other", () => {
    const files = ["bpf", "bpf/lib"].flatMap((directory) =>
      readdirSync(join(ROOT, directory)).map((name) => `${directory}/${name}`),
    );
    const sources = files.filter((file) => /\.[ch]$/.test(file)).map(readText);
    const given = new Set(sources.flatMap((source) => source.match(/\bDROP_[A-Z0-9_]+/g) ?? []));
    const names = [...given].map((name) => name.slice("DROP_".length).toLowerCase().replaceAll("_", "-"));
    const told = rowsBelow("| reason |").map(([name = ""]) => name.replaceAll("`", ""));
    expect(told.sort()).toEqual(names.sort());
  });

  it("has the entries of every map that grows", () => {
    const told = rowsBelow("| map | entries |").flatMap(([names = "", entries = ""]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => [name, entries] as const),
    );
    const fixed = new Set(["events", "metrics", "settings"]);
    const grown = Object.values(maps).filter(({ name }) => !fixed.has(name));
    expect(Object.fromEntries(told.filter(([name = ""]) => !fixed.has(name)))).toEqual(
      Object.fromEntries(grown.map(({ name, maxEntries }) => [name, maxEntries.toLocaleString("en-US")])),
    );
  });
});

describe("links", () => {
  it.each(files)("of %s lead somewhere", (file) => {
    const broken = linksOf(readText(file)).filter((link) => !/^https?:/.test(link) && !leads(file, link));
    expect(broken).toEqual([]);
  });
});

describe("the examples", () => {
  it("are whole, but for a few that say why not", () => {
    expect(blocks.filter(({ fragment }) => fragment !== undefined).length).toBeLessThanOrEqual(3);
  });

  it("compile", async () => {
    const examples = new Examples();
    onTestFinished(() => examples[Symbol.dispose]());
    expect(await examples.check(whole)).toBe("");
  });

  const runnable = whole.filter(({ file }) => RUN.test(file));
  it.each(runnable.map((block) => [`${block.file}:${block.line}`, block] as const))(
    "run: %s",
    async (_, block) => {
      const examples = new Examples();
      onTestFinished(() => examples[Symbol.dispose]());
      expect(await examples.run(block)).toMatchObject({ code: 0, stderr: "" });
    },
  );
});

function leads(file: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : join(dirname(file), path);
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || headingsOf(readText(target)).some(({ text }) => anchorOf(text) === anchor);
}
