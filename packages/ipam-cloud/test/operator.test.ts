import { describe, expect, it } from "vitest";
import type { OperatorContext } from "@netloom/core";
import { cloudIpamOperator } from "@netloom/ipam-cloud";
import { Journal } from "../src/journal.ts";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const want = [{ family: 4, prefix: 32, count: 1 }] as const;
const INTERVAL = 1000;

/** An interface that was made but not attached, for a node. */
async function half(lives: Lives<FakeCloud>, journal: Journal, node: string): Promise<string> {
  const { cloud } = lives;
  const ref = { name: node, instance: `i-${node}` };
  const intent = await journal.begin(ref, { do: "add-interface", pool: "pool", want }, 0);
  cloud.fails = (request) => (request === "AttachInterface" ? { kind: "ambiguous" } : undefined);
  const call = { signal: new AbortController().signal, intent: intent.id, admit: async () => undefined };
  await cloud.ensureInterface({ node: ref, pool: "pool", want }, call).catch(() => undefined);
  cloud.fails = () => undefined;
  return intent.id;
}

describe("the operator", () => {
  it("removes what nodes that are gone have left, in two looks, and nothing of those that are there", async () => {
    const cloud = new FakeCloud();
    cloud.launch({ name: "here", instance: "i-here" });
    const lives = new Lives(cloud);
    const { runtime } = lives.context;
    const journal = new Journal(lives.store, "test/", runtime.random);
    const [here, gone] = [await half(lives, journal, "here"), await half(lives, journal, "gone")];
    const context: OperatorContext = {
      store: lives.store,
      prefix: () => "test/",
      runtime,
      report: (error) => {
        throw error;
      },
      settled: async () => undefined,
      nodes: async () => ["here"],
      watchNodes: async () => undefined,
    };
    const stop = new AbortController();
    const running = cloudIpamOperator({ provider: cloud, interval: INTERVAL }).run(context, stop.signal);
    await lives.clock.advance(INTERVAL / 2);
    expect(cloud.interfaces.map(({ intent }) => intent)).toEqual([undefined, here, gone]);
    await lives.pass(4 * INTERVAL);
    expect(cloud.interfaces.map(({ intent }) => intent)).toEqual([undefined, here]);
    expect((await journal.open()).map(({ id }) => id)).toEqual([here]);
    stop.abort();
    await running;
  });
});
