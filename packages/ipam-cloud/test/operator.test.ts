import { describe, expect, it } from "vitest";
import { isNetloomError, type OperatorContext } from "@netloom/core";
import { cloudIpamOperator } from "@netloom/ipam-cloud";
import { Journal } from "../src/journal.ts";
import { NodeRecord } from "../src/node-record.ts";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const want = [{ family: 4, prefix: 32, count: 1 }] as const;
const INTERVAL = 10_000;
const MINUTE = 60_000;

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

/** Runs an operator that knows these nodes; what it reports is returned. */
function operate(
  lives: Lives<FakeCloud>,
  nodes: readonly string[],
): { readonly told: readonly unknown[]; readonly stop: () => Promise<void> } {
  const told: unknown[] = [];
  const context: OperatorContext = {
    store: lives.store,
    prefix: () => "test/",
    runtime: lives.context.runtime,
    report: (error) => void told.push(error),
    settled: async () => undefined,
    nodes: async () => nodes,
    watchNodes: async () => undefined,
  };
  const stop = new AbortController();
  const running = cloudIpamOperator({ provider: lives.cloud, interval: INTERVAL }).run(context, stop.signal);
  return {
    told,
    stop: () => {
      stop.abort();
      return running;
    },
  };
}

function world(): { readonly lives: Lives<FakeCloud>; readonly cloud: FakeCloud; readonly journal: Journal } {
  const cloud = new FakeCloud();
  cloud.launch({ name: "here", instance: "i-here" });
  const lives = new Lives(cloud);
  return { lives, cloud, journal: new Journal(lives.store, "test/", lives.context.runtime.random) };
}

describe("the operator", () => {
  it("removes what nodes that are gone have left for a minute, and nothing of those that are there", async () => {
    const { lives, cloud, journal } = world();
    const [here, gone] = [await half(lives, journal, "here"), await half(lives, journal, "gone")];
    const { told, stop } = operate(lives, ["here"]);
    await lives.pass(MINUTE - INTERVAL);
    expect(cloud.interfaces.map(({ intent }) => intent)).toEqual([undefined, here, gone]);
    await lives.pass(3 * MINUTE);
    expect(cloud.interfaces.map(({ intent }) => intent)).toEqual([undefined, here]);
    expect((await journal.open()).map(({ id }) => id)).toEqual([here]);
    expect(told).toEqual([]);
    await stop();
  });

  it("takes away no interface that is shown as left behind for less than a minute", async () => {
    const { lives, cloud, journal } = world();
    const id = await half(lives, journal, "here");
    const [intent] = await journal.open();
    await journal.end(intent!);
    const made = cloud.interfaces.find((one) => one.intent === id)!;
    made.instance = "i-here";
    made.state = "attached";
    // The list lags behind, and the intent has ended.
    const began = lives.clock.monotonic();
    const orphans = cloud.orphans.bind(cloud);
    cloud.orphans = async function* (call) {
      if (lives.clock.monotonic() - began < MINUTE - INTERVAL) yield { interface: made.id, intent: id };
      yield* orphans(call);
    };
    const { stop } = operate(lives, ["here"]);
    await lives.pass(5 * MINUTE);
    expect(cloud.interfaces).toContain(made);
    await stop();
  });

  it("tells once of an intent that cannot be read, keeps what bears it, and looks after everything else", async () => {
    const { lives, cloud, journal } = world();
    const [broken, gone] = [await half(lives, journal, "gone"), await half(lives, journal, "gone")];
    const entry = (await lives.store.get(`test/intents/gone/${broken}`))!;
    await lives.store.update(entry.key, { nonsense: true }, { revision: entry.revision });
    const { told, stop } = operate(lives, ["here"]);
    await lives.pass(5 * MINUTE);
    expect(cloud.interfaces.map(({ intent }) => intent)).toEqual([undefined, broken]);
    expect(told.map((error) => isNetloomError(error, "ERR_OBJECT_CORRUPT"))).toEqual([true]);
    expect((await journal.read()).intents.map(({ id }) => id)).not.toContain(gone);
    await stop();
  });

  it("deletes the records of nodes that are gone", async () => {
    const { lives } = world();
    for (const node of ["here", "gone"])
      await new NodeRecord(lives.store, "test/", node, `i-${node}`, "life").save(["10.0.0.9/32"]);
    const { stop } = operate(lives, ["here"]);
    await lives.pass(3 * MINUTE);
    const { entries } = await lives.store.list("test/nodes/");
    expect(entries.map(({ key }) => key)).toEqual(["test/nodes/here"]);
    await stop();
  });
});
