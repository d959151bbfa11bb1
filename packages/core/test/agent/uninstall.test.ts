import { expect, it } from "vitest";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { testNode, tunnelRouting } from "../support/cluster.ts";

/** An agent that runs, and what was done to its backends, in order. */
async function uninstalled(farewell: () => Promise<void>) {
  const log: string[] = [];
  const datapath = memoryDatapath();
  const uninstall = datapath.uninstall.bind(datapath);
  datapath.uninstall = async (options) => {
    log.push("datapath uninstalled");
    return uninstall(options);
  };
  const routing = {
    ...tunnelRouting(),
    async uninstall() {
      log.push("routing uninstalled");
      await farewell();
    },
    async [Symbol.asyncDispose]() {
      log.push("routing disposed of");
    },
  };
  const node = testNode(memoryStore(), 1, { datapath, routing });
  await node.agent.start();
  await node.agent.uninstall();
  return { log, errors: node.errors };
}

const IN_ORDER = ["routing uninstalled", "routing disposed of", "datapath uninstalled"];

it("takes back what the fabric was told before pods lose their network", async () => {
  expect(await uninstalled(async () => undefined)).toEqual({ log: IN_ORDER, errors: [] });
});

it("goes on where the fabric cannot be told, and says so", async () => {
  const failure = new Error("nobody there");
  const { log, errors } = await uninstalled(() => Promise.reject(failure));
  expect(log).toEqual(IN_ORDER);
  expect(errors).toEqual([failure]);
});
