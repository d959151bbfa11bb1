import type { SpeakerConfig } from "@netloom/bgp";
import { ManualClock } from "@netloom/core/memory";
import { describe, expect, it } from "vitest";
import type { SpeakerSettings } from "../src/driver.ts";
import { SpeakerHost } from "../src/host.ts";
import { fakeSpeakers } from "./support/fake-speaker.ts";
import { memoryTable, type MemoryTable } from "./support/memory-table.ts";

const config: SpeakerConfig = {
  asn: 65_001,
  routerId: "192.0.2.11",
  peers: [{ name: "tor", remote: { address: "192.0.2.1" }, remoteAsn: 65_000 }],
};

/** A host, and its tables by what they were opened for. */
function bench() {
  const { createSpeaker, all } = fakeSpeakers();
  const clock = new ManualClock();
  const tables = new Map<string, MemoryTable>();
  const opened: string[] = [];
  const table = (install: Exclude<SpeakerSettings["install"], false>): MemoryTable => {
    const name = JSON.stringify(install);
    const known = tables.get(name) ?? memoryTable();
    tables.set(name, known);
    return known;
  };
  const host = new SpeakerHost({
    createSpeaker,
    clock,
    openTable: (install) => {
      opened.push(JSON.stringify(install));
      return table(install);
    },
  });
  return { host, table, opened, clock, speaker: () => all.at(-1)! };
}

const prefixes = ({ routes }: MemoryTable): readonly string[] => [...routes.keys()];

describe("the host of a speaker", () => {
  it("moves what is learned where it is to be now, there first, and goes on there", async () => {
    const { host, table, clock, speaker } = bench();
    await host.configure({ config, install: {} });
    speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    await clock.advance(0);
    const [before, after] = [table({}), table({ metric: 180 })];
    const write = before.write.bind(before);
    const seen: (readonly string[])[] = [];
    Object.assign(before, {
      write: (...parameters: Parameters<typeof write>) => {
        seen.push(prefixes(after));
        return write(...parameters);
      },
    });
    await host.configure({ config, install: { metric: 180 } });
    expect(seen).toEqual([["10.2.0.0/24"]]);
    expect(prefixes(before)).toEqual([]);
    speaker().learn(["10.3.0.0/24", "192.0.2.1"], ["10.2.0.0/24", undefined]);
    await clock.advance(0);
    expect(prefixes(after)).toEqual(["10.3.0.0/24"]);
    expect(prefixes(before)).toEqual([]);
  });

  it("takes learned routes away where they are to be nowhere, and brings them back", async () => {
    const { host, table, clock, speaker } = bench();
    await host.configure({ config, install: {} });
    speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    await clock.advance(0);
    await host.configure({ config, install: false });
    expect(prefixes(table({}))).toEqual([]);
    await host.configure({ config, install: {} });
    expect(prefixes(table({}))).toEqual(["10.2.0.0/24"]);
  });

  it("moves nothing where the same is said in other words", async () => {
    const { host, opened } = bench();
    await host.configure({ config, install: {} });
    await host.configure({ config, install: { table: 254, metric: 179 } });
    expect(opened).toEqual(["{}"]);
  });

  it("leaves what is learned where it is if it cannot be elsewhere", async () => {
    const { host, table, clock, speaker } = bench();
    await host.configure({ config, install: {} });
    speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    await clock.advance(0);
    const denied = new Error("not permitted");
    Object.assign(table({ metric: 180 }), { list: () => Promise.reject(denied) });
    await expect(host.configure({ config, install: { metric: 180 } })).rejects.toBe(denied);
    speaker().learn(["10.3.0.0/24", "192.0.2.1"]);
    await clock.advance(0);
    expect(prefixes(table({}))).toEqual(["10.2.0.0/24", "10.3.0.0/24"]);
    expect(prefixes(table({ metric: 180 }))).toEqual([]);
  });
});
