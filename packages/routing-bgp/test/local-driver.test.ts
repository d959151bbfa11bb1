import type { SpeakerConfig } from "@netloom/bgp";
import { ManualClock } from "@netloom/core/memory";
import { describe, expect, it } from "vitest";
import type { SpeakerDriver } from "../src/driver.ts";
import { localDriver, type LocalDriverOptions } from "../src/local-driver.ts";
import { fakeSpeakers, routeOf, type FakeSpeaker } from "./support/fake-speaker.ts";
import { memoryFile } from "./support/memory-file.ts";
import { memoryTable } from "./support/memory-table.ts";

const config: SpeakerConfig = {
  asn: 65_001,
  routerId: "192.0.2.11",
  peers: [
    { name: "tor", remote: { address: "192.0.2.1" }, remoteAsn: 65_000 },
    { name: "link", remote: { interface: "eth1" }, remoteAsn: "external" },
  ],
};
const settings = { config, install: {} };

/** A driver of fake speakers, and what surrounds it. */
function bench(options: Partial<LocalDriverOptions> = {}) {
  const { createSpeaker, all } = fakeSpeakers();
  const clock = new ManualClock();
  const table = memoryTable();
  const driver = localDriver(createSpeaker, { clock, table, ...options });
  const errors: unknown[] = [];
  driver.events.on("error", (error) => errors.push(error));
  /** Lets writes to the table happen. */
  const settle = async (milliseconds = 0): Promise<void> => {
    await clock.advance(milliseconds);
    await clock.advance(0);
  };
  const speaker = (): FakeSpeaker => all.at(-1)!;
  return { driver, table, clock, errors, settle, speaker, all };
}

describe("a speaker in this process", () => {
  it("starts with the first settings, and changes with the next", async () => {
    const { driver, speaker, all } = bench();
    expect(await driver.configure(settings)).toBeUndefined();
    expect(speaker().config).toEqual(config);
    const next = { ...config, peers: config.peers.slice(1) };
    expect(await driver.configure({ config: next, install: {} })).toMatchObject({ removed: ["tor"] });
    expect(all).toHaveLength(1);
    expect(await driver.peers()).toMatchObject([{ name: "link" }]);
  });

  it("holds End-of-RIB back until everything of ours has been told", async () => {
    const { driver, speaker, settle } = bench();
    await driver.configure(settings);
    await settle();
    expect(speaker().ready).toBe(false);
    await driver.advertise(new Map([["pods", [{ prefix: "10.1.0.0/24" }]]]));
    await settle();
    expect(speaker().ready).toBe(true);
  });

  it("is told only of sets that differ, and of new ones before old ones go", async () => {
    const { driver, speaker } = bench();
    await driver.configure(settings);
    const pods = [{ prefix: "10.1.0.0/24" }];
    await driver.advertise(
      new Map([
        ["pods", pods],
        ["web", [{ prefix: "192.0.2.7/32" }]],
      ]),
    );
    await driver.advertise(
      new Map([
        ["pods", pods],
        ["web2", [{ prefix: "192.0.2.7/32" }]],
      ]),
    );
    expect(speaker().log).toEqual([
      "advertise pods 1",
      "advertise web 1",
      "advertise web2 1",
      "advertise web 0",
    ]);
  });

  it("says that a configuration is refused, and stays as it was", async () => {
    const { driver, speaker } = bench();
    await driver.configure(settings);
    speaker().refusal = new Error("no");
    await expect(driver.configure(settings)).rejects.toThrow("no");
    expect(speaker().config).toEqual(config);
  });

  it("installs what it learns: link-local next hops with their device, and gone when lost", async () => {
    const { driver, table, speaker, settle } = bench();
    await driver.configure(settings);
    speaker().learn(["10.2.0.0/24", "192.0.2.1"], ["fd00:2::/64", "2001:db8::1"]);
    speaker().emit("best:changed", [
      {
        family: "ipv4-unicast",
        prefix: "10.3.0.0/24",
        route: routeOf("10.3.0.0/24", "fe80::1", { peer: "link" }),
      },
    ]);
    await settle();
    expect([...table.routes.values()]).toEqual([
      { prefix: "10.2.0.0/24", nextHops: [{ via: "192.0.2.1" }] },
      { prefix: "fd00:2::/64", nextHops: [{ via: "2001:db8::1" }] },
      { prefix: "10.3.0.0/24", nextHops: [{ via: "fe80::1", device: "eth1" }] },
    ]);
    speaker().learn(["10.2.0.0/24", undefined]);
    await settle();
    expect(table.routes.has("10.2.0.0/24")).toBe(false);
  });

  it("installs nothing where it is told so", async () => {
    const { driver, table, speaker, settle } = bench();
    await driver.configure({ config, install: false });
    speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    await settle();
    expect(table.log).toEqual([]);
  });

  it("sweeps what an earlier process installed when all peers have told all", async () => {
    const old = { prefix: "10.9.0.0/24", nextHops: [{ via: "192.0.2.1" }] };
    const table = memoryTable([old]);
    const { driver, speaker, settle } = bench({ table });
    await driver.configure(settings);
    const family = (endOfRib: boolean) =>
      ({ family: "ipv4-unicast", received: 0, accepted: 0, advertised: 0, stale: 0, endOfRib }) as const;
    speaker().become("tor", { families: [family(true)] });
    speaker().become("link", { families: [family(false)] });
    speaker().emit("rib:complete", "tor", "ipv4-unicast");
    await settle();
    expect(table.routes.size).toBe(1);
    speaker().become("link", { families: [family(true)] });
    speaker().emit("rib:complete", "link", "ipv4-unicast");
    await settle();
    expect(table.routes.size).toBe(0);
  });

  it("sweeps it after a while though a peer never comes", async () => {
    const table = memoryTable([{ prefix: "10.9.0.0/24", nextHops: [{ via: "192.0.2.1" }] }]);
    const { driver, settle } = bench({ table, sweepAfter: 1000 });
    await driver.configure(settings);
    await settle(999);
    expect(table.routes.size).toBe(1);
    await settle(1);
    expect(table.routes.size).toBe(0);
  });

  it("tells of a route that cannot be installed once, and installs it when it can be", async () => {
    const { driver, table, speaker, settle, errors } = bench();
    table.foreign.add("10.2.0.0/24");
    await driver.configure(settings);
    speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    await settle();
    await settle(5000);
    expect(errors).toHaveLength(1);
    table.foreign.clear();
    await settle(5000);
    expect([...table.routes.keys()]).toEqual(["10.2.0.0/24"]);
  });

  it("leaves its routes in the kernel when it is let go, and takes them away when it is closed", async () => {
    for (const [end, left] of [
      ["preserve", 1],
      ["withdraw", 0],
    ] as const) {
      const { driver, table, speaker, settle } = bench();
      await driver.configure(settings);
      speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
      await settle();
      await (end === "preserve" ? driver.release() : driver.close(end));
      expect(speaker().closed).toBe(end);
      expect(table.routes.size).toBe(left);
    }
  });

  it("takes away what an earlier one has left, and its memory, though it has no settings", async () => {
    const state = memoryFile();
    const first = bench({ state });
    await first.driver.configure(settings);
    first.speaker().become("tor", { capabilities: ["graceful-restart"] });
    first.speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    await first.settle();
    await first.driver.release();
    const { table } = first;
    expect(table.routes.size).toBe(1);
    const second = bench({ state, table });
    await second.driver.uninstall({});
    expect(table.routes.size).toBe(0);
    const third = bench({ state });
    await third.driver.configure(settings);
    expect(third.speaker().started?.restarting).toBe(false);
  });

  it("ends what runs, and says what it could not take away", async () => {
    const { driver, table, speaker, settle } = bench();
    await driver.configure(settings);
    speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    await settle();
    table.refused.add("10.2.0.0/24");
    await expect(driver.uninstall({})).rejects.toThrow("unreachable");
    expect(speaker().closed).toBe("withdraw");
    table.refused.clear();
    await driver.uninstall(false);
    expect(table.routes.size).toBe(1);
  });

  it("comes back as a restart where sessions were up, and not after it said goodbye", async () => {
    const state = memoryFile();
    const first = bench({ state });
    await first.driver.configure(settings);
    expect(first.speaker().started?.restarting).toBe(false);
    first.speaker().become("tor", { capabilities: ["graceful-restart"] });
    await first.driver.release();
    const second = bench({ state });
    await second.driver.configure(settings);
    expect(second.speaker().started?.restarting).toBe(true);
    await second.driver.close("withdraw");
    const third = bench({ state });
    await third.driver.configure(settings);
    expect(third.speaker().started?.restarting).toBe(false);
  });

  it("passes on what happens and what is asked", async () => {
    const { driver, speaker } = bench();
    await driver.configure(settings);
    const heard: unknown[] = [];
    driver.events.on("peer:changed", ({ name, state }, before) => heard.push([name, state, before]));
    speaker().become("tor");
    speaker().learn(["10.2.0.0/24", "192.0.2.1"]);
    expect(heard).toEqual([["tor", "established", "idle"]]);
    const routes: string[] = [];
    for await (const { prefix } of driver.routes()) routes.push(prefix);
    expect(routes).toEqual(["10.2.0.0/24"]);
    expect(await driver.explain("tor", "10.2.0.0/24")).toBe("tor has 10.2.0.0/24");
    await driver.refresh("tor", "in");
    await driver.reset("tor", "why not");
    expect(speaker().log).toEqual(["refresh tor in", "reset tor why not"]);
  });

  it("has nothing to say before its first settings", async () => {
    const driver: SpeakerDriver = bench().driver;
    await expect(driver.peers()).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await driver.release();
  });
});
