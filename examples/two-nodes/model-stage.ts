import type { Flow } from "@netloom/core";
import { modelDatapath, modelFabric } from "@netloom/datapath-model";
import type { DemoCluster } from "./cluster.ts";
import { flatFabric } from "./fabric.ts";
import type { Stage } from "./main.ts";
import { NO_BGP_ON_MODEL, type DemoOptions } from "./options.ts";
import { listen, summary, tell } from "./told.ts";

/** The packets are real, the machines are not: every node is the datapath's model, all in this process. */
export function modelStage({ routing }: DemoOptions): Stage {
  if (routing === "bgp") throw new Error(NO_BGP_ON_MODEL);
  const fabric = modelFabric();
  const seen: Flow[] = [];
  let cluster: DemoCluster | undefined;
  return {
    fabric: flatFabric(routing),
    datapath: () => modelDatapath({ fabric }),
    async begin(started) {
      cluster = started;
      for (const { agent } of started.nodes) void listen(agent.flows(), seen);
      return undefined;
    },
    netns: () => "",
    async serve(pods, port) {
      for (const { endpoint, name, app } of pods) {
        if (app === "web") fabric.pod(endpoint.name).host.listen(port, name);
      }
    },
    async connect(from, to, expected) {
      seen.length = 0;
      const { host } = fabric.pod(from.endpoint.name);
      const { outcome, reply, from: own } = await host.connect(`${to.address}:${to.port}`);
      // What the nodes told is on its way to whoever listens.
      await new Promise(setImmediate);
      const connected = outcome === "connected";
      const said = connected ? `connected; ${reply} answered` : `not connected: ${outcome}`;
      const localPort = Number(own.slice(own.lastIndexOf(":") + 1));
      return tell({ seen, from, expected, localPort, connected, said });
    },
    async spread(from, to, times) {
      const { host } = fabric.pod(from.endpoint.name);
      const counts = new Map<string, number>();
      for (let time = 0; time < times; time++) {
        const { reply } = await host.connect(`${to.address}:${to.port}`);
        if (reply !== "") counts.set(reply, (counts.get(reply) ?? 0) + 1);
      }
      return counts;
    },
    summary,
    interrupted: false,
    async end() {
      for (const { agent } of cluster?.nodes ?? []) await agent.stop();
      await cluster?.operator.stop();
    },
  };
}
