import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SpeakerConfig } from "@netloom/bgp";
import { ManualClock } from "@netloom/core/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SpeakerDriver } from "../../src/driver.ts";
import { SpeakerHost } from "../../src/host.ts";
import { processDriver } from "../../src/process/process-driver.ts";
import { serveSpeaker } from "../../src/process/serve.ts";
import { fakeSpeakers, type FakeSpeaker } from "../support/fake-speaker.ts";
import { memoryTable } from "../support/memory-table.ts";

const config: SpeakerConfig = {
  asn: 65_001,
  routerId: "192.0.2.11",
  peers: [{ name: "tor", remote: { address: "192.0.2.1" }, remoteAsn: 65_000 }],
};
const settings = { config, install: false } as const;
const pods = [{ prefix: "10.1.0.0/24" }];

async function socketPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "netloom-bgp-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, "socket");
}

/** What `netloom-bgp` is, in this process, with fake speakers. */
async function start(path: string, bufferLimit?: number, refuses?: (config: SpeakerConfig) => boolean) {
  const { createSpeaker, all } = fakeSpeakers();
  const table = memoryTable();
  const host = new SpeakerHost({
    createSpeaker: (config) => {
      if (refuses?.(config) !== true) return createSpeaker(config);
      throw Object.assign(new Error("no such AS here"), { code: "ERR_BGP_CONFIG" });
    },
    clock: new ManualClock(),
    openTable: () => table,
  });
  const errors: unknown[] = [];
  const server = await serveSpeaker({
    path,
    host,
    onError: (error) => errors.push(error),
    ...(bufferLimit === undefined ? {} : { bufferLimit }),
  });
  const stop = async (): Promise<void> => server[Symbol.asyncDispose]();
  onTestFinished(stop);
  return { host, table, stop, errors, speaker: (): FakeSpeaker => all.at(-1)!, speakers: all };
}

/** An agent's end. */
function agent(path: string): {
  readonly driver: SpeakerDriver;
  readonly errors: { readonly code?: string }[];
} {
  const driver = processDriver({ path });
  const errors: { readonly code?: string }[] = [];
  driver.events.on("error", (error) => errors.push(error as { readonly code?: string }));
  onTestFinished(() => driver.release());
  return { driver, errors };
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe("a speaker in a process of its own", () => {
  it("is for its owner alone", async () => {
    const path = await socketPath();
    await start(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("does what the agent says, and tells what happens", async () => {
    const path = await socketPath();
    const { speaker } = await start(path);
    const { driver } = agent(path);
    const heard: unknown[] = [];
    driver.events.on("peer:changed", ({ name, state }) => heard.push([name, state]));
    expect(await driver.configure(settings)).toBeUndefined();
    await driver.advertise(new Map([["pods", pods]]));
    expect(speaker().sets.get("pods")).toEqual(pods);
    expect(speaker().ready).toBe(true);
    speaker().become("tor");
    expect(await driver.peers()).toMatchObject([{ name: "tor", state: "established" }]);
    expect(heard).toEqual([["tor", "established"]]);
    expect(await driver.explain("tor", "10.1.0.0/24")).toBe("tor has 10.1.0.0/24");
    await driver.refresh("tor", "out");
    await driver.reset("tor", "moving");
    expect(speaker().log).toEqual(["advertise pods 1", "refresh tor out", "reset tor moving"]);
    expect(await driver.configure(settings)).toMatchObject({ soft: ["tor"] });
  });

  it("hands out its routes page by page", async () => {
    const path = await socketPath();
    const { speaker } = await start(path);
    const { driver } = agent(path);
    await driver.configure(settings);
    const prefixes = Array.from({ length: 2500 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`);
    speaker().learn(...prefixes.map((prefix) => [prefix, "192.0.2.1"] as const));
    const routes: string[] = [];
    for await (const { prefix } of driver.routes()) routes.push(prefix);
    expect(routes).toEqual(prefixes);
  });

  it("hands out its routes to several readers at once, and forgets those that have read enough", async () => {
    const path = await socketPath();
    const { speaker } = await start(path);
    const { driver } = agent(path);
    await driver.configure(settings);
    const prefixes = Array.from({ length: 2500 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`);
    speaker().learn(...prefixes.map((prefix) => [prefix, "192.0.2.1"] as const));
    let open = 0;
    const best = speaker().routes.bind(speaker());
    speaker().routes = function* () {
      open += 1;
      try {
        yield* best();
      } finally {
        open -= 1;
      }
    };
    const read = async (): Promise<readonly string[]> => {
      const routes: string[] = [];
      for await (const { prefix } of driver.routes()) routes.push(prefix);
      return routes;
    };
    expect(await Promise.all([read(), read()])).toEqual([prefixes, prefixes]);
    for await (const { prefix } of driver.routes()) if (prefix === prefixes[3]) break;
    await driver.peers();
    expect(open).toBe(0);
  });

  it("keeps its sessions and what it advertises when the agent goes, and hears only of differences after", async () => {
    const path = await socketPath();
    const { speaker, speakers } = await start(path);
    const first = agent(path).driver;
    await first.configure(settings);
    await first.advertise(
      new Map([
        ["pods", pods],
        ["web", [{ prefix: "192.0.2.7/32" }]],
      ]),
    );
    await first.release();
    expect(speaker().closed).toBeUndefined();
    const second = agent(path).driver;
    await second.configure(settings);
    await second.advertise(
      new Map([
        ["pods", pods],
        ["db", [{ prefix: "192.0.2.8/32" }]],
      ]),
    );
    expect(speakers).toHaveLength(1);
    expect(speaker().log).toEqual([
      "advertise pods 1",
      "advertise web 1",
      "apply",
      "advertise db 1",
      "advertise web 0",
    ]);
  });

  it("takes changes of large sets as differences", async () => {
    const path = await socketPath();
    const { speaker } = await start(path);
    const { driver } = agent(path);
    await driver.configure(settings);
    const many = Array.from({ length: 5000 }, (_, at) => ({ prefix: `10.${at >> 8}.${at & 255}.0/24` }));
    await driver.advertise(new Map([["many", many]]));
    const next = [...many.slice(1), { prefix: "10.99.0.0/24", med: 5 }];
    await driver.advertise(new Map([["many", next]]));
    expect(speaker().log).toEqual(["advertise many 5000", "advertise many 5000"]);
    expect(speaker().sets.get("many")).toEqual(next);
  });

  it("refuses a second agent by a typed error, and takes it when the first is gone", async () => {
    const path = await socketPath();
    await start(path);
    const first = agent(path).driver;
    await first.configure(settings);
    const second = agent(path);
    const configured = second.driver.configure(settings);
    await eventually(() => second.errors.length > 0);
    expect(second.errors[0]).toMatchObject({ code: "ERR_BGP_BUSY", retryable: true });
    await first.release();
    expect(await configured).toMatchObject({ soft: ["tor"] });
    expect(second.errors).toHaveLength(1);
  });

  it("refuses who speaks another version, or another language", async () => {
    const path = await socketPath();
    const { errors } = await start(path);
    const say = async (text: string): Promise<string> => {
      const socket = connect(path);
      socket.write(text);
      let answer = "";
      for await (const chunk of socket) answer += String(chunk);
      return answer;
    };
    expect(JSON.parse(await say('{"type":"hello","versions":[7]}\n'))).toMatchObject({
      type: "refused",
      code: "ERR_UNSUPPORTED",
    });
    expect(await say("GET / HTTP/1.1\r\n\r\n")).toBe("");
    expect(errors).toHaveLength(1);
  });

  it("says which configuration it refuses, by the speaker's code, and goes on", async () => {
    const path = await socketPath();
    const { speaker } = await start(path);
    const { driver } = agent(path);
    await driver.configure(settings);
    speaker().refusal = Object.assign(new Error("no such role"), { code: "ERR_BGP_CONFIG" });
    await expect(driver.configure(settings)).rejects.toMatchObject({
      code: "ERR_BGP_CONFIG",
      message: "no such role",
    });
    expect(await driver.peers()).toHaveLength(1);
  });

  it("is told everything again when it starts anew, without anybody asking", async () => {
    const path = await socketPath();
    const before = await start(path);
    const { driver, errors } = agent(path);
    await driver.configure(settings);
    await driver.advertise(new Map([["pods", pods]]));
    await before.stop();
    await eventually(() => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: "ERR_CLOSED" });
    const after = await start(path);
    await eventually(() => after.speakers.length > 0 && after.speaker().sets.size > 0);
    expect(after.speaker().config).toEqual(config);
    expect(after.speaker().sets.get("pods")).toEqual(pods);
  });

  it("takes new settings where it refuses those from before it started anew", async () => {
    const path = await socketPath();
    const before = await start(path);
    const { driver, errors } = agent(path);
    await driver.configure(settings);
    await driver.advertise(new Map([["pods", pods]]));
    await before.stop();
    const refuses = (config: SpeakerConfig): boolean => config.asn < 65_003;
    const after = await start(path, undefined, refuses);
    await eventually(() => errors.some(({ code }) => code === "ERR_BGP_CONFIG"));
    const worse = { config: { ...config, asn: 65_002 }, install: false } as const;
    await expect(driver.configure(worse)).rejects.toMatchObject({ code: "ERR_BGP_CONFIG" });
    const better = { config: { ...config, asn: 65_003 }, install: false } as const;
    await driver.configure(better);
    expect(after.speaker().config).toEqual(better.config);
    expect(after.speaker().sets.get("pods")).toEqual(pods);
  });

  it("says at once that it is not there to whoever asks it something", async () => {
    const path = await socketPath();
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    onTestFinished(() => void silent.close());
    const { driver } = agent(path);
    driver.configure(settings).catch(() => undefined);
    const closed = { code: "ERR_CLOSED", retryable: true };
    await expect(driver.peers()).rejects.toMatchObject(closed);
    await expect(driver.explain("tor", "10.1.0.0/24")).rejects.toMatchObject(closed);
    await expect(driver.refresh("tor", "in")).rejects.toMatchObject(closed);
    await expect(driver.reset("tor")).rejects.toMatchObject(closed);
    const read = driver.routes()[Symbol.asyncIterator]();
    await expect(read.next()).rejects.toMatchObject(closed);
  });

  it("is let go where it dies while it is told to end", async () => {
    const path = await socketPath();
    const { stop, speaker } = await start(path);
    const { driver } = agent(path);
    await driver.configure(settings);
    const closing = new Promise<void>((resolve) => {
      speaker().close = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const closed = driver.close("withdraw");
    await Promise.all([expect(closed).rejects.toMatchObject({ code: "ERR_CLOSED" }), closing.then(stop)]);
    await start(path);
    const next = agent(path);
    expect(await next.driver.configure(settings)).toBeUndefined();
    expect(next.errors).toEqual([]);
    await expect(driver.peers()).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("lets an agent go that reads too slowly, and stays as it is", async () => {
    const path = await socketPath();
    const { host, speaker } = await start(path, 100_000);
    await host.configure(settings);
    const deaf = connect(path);
    onTestFinished(() => void deaf.destroy());
    deaf.write('{"type":"hello","versions":[1]}\n');
    await new Promise((resolve) => deaf.once("readable", resolve));
    const closed = new Promise((resolve) => deaf.once("close", resolve));
    const shutdown = "x".repeat(10_000);
    for (let count = 0; count < 200; count += 1) speaker().become(`tor-${shutdown}`);
    deaf.resume();
    await closed;
    expect(speaker().closed).toBeUndefined();
    const { driver } = agent(path);
    expect(await driver.configure(settings)).toMatchObject({ soft: ["tor"] });
  });

  it("ends when it is told to, and knows nothing of before when it is configured again", async () => {
    const path = await socketPath();
    const { speaker, speakers } = await start(path);
    const first = agent(path).driver;
    await first.configure(settings);
    await first.advertise(new Map([["pods", pods]]));
    await first.close("withdraw");
    expect(speaker().closed).toBe("withdraw");
    const second = agent(path).driver;
    expect(await second.configure(settings)).toBeUndefined();
    await second.advertise(new Map([["pods", pods]]));
    expect(speakers).toHaveLength(2);
    expect(speaker().sets.get("pods")).toEqual(pods);
  });

  it("takes away what is left there when the node is no node any more, though nothing runs", async () => {
    const path = await socketPath();
    const { table } = await start(path);
    table.routes.set("10.2.0.0/24", { prefix: "10.2.0.0/24", nextHops: [{ via: "192.0.2.1" }] });
    await agent(path).driver.uninstall({});
    expect(table.routes.size).toBe(0);
    const { driver } = agent(path);
    await driver.configure(settings);
    await driver.uninstall(false);
    await expect(driver.peers()).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("takes the place of a dead one's socket, and not that of a living one's", async () => {
    const path = await socketPath();
    await writeFile(path, "");
    const { stop } = await start(path);
    await expect(start(path)).rejects.toMatchObject({ code: "ERR_BGP_BUSY" });
    await stop();
    await start(path);
  });

  it("is waited for no longer when the agent ends", async () => {
    const path = await socketPath();
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    onTestFinished(() => void silent.close());
    const { driver } = agent(path);
    const waiting = driver.configure(settings);
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: "ERR_CLOSED" }), driver.release()]);
  });
});
