import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAgent, prometheusText, type Agent, type AgentOptions, type Datapath } from "@netloom/core";
import { memoryStore } from "@netloom/core/memory";
import { hostScope } from "@netloom/ipam-host-scope";
import { vxlan } from "@netloom/routing-vxlan";
import { healthOf, Incidents } from "./health.ts";
import { answerWith, type Handler } from "./http.ts";
import { Notes } from "./notes.ts";
import { pods } from "./pods.ts";

export interface ServiceOptions {
  readonly node: AgentOptions["node"];
  readonly datapath: Datapath;
  /** 0: any. */
  readonly port: number;
}

export interface Service extends AsyncDisposable {
  readonly port: number;
  readonly agent: Agent;
}

/** Opens the door, then starts the agent: who asks meanwhile is told that it is starting. Ends in reverse. */
export async function startService({ node, datapath, port }: ServiceOptions): Promise<Service> {
  // Whatever fails below: what is in it by then is undone.
  await using stack = new AsyncDisposableStack();
  const agent = createAgent({
    node,
    // Pods outlive the process where their facts do: in production, take a store that keeps them.
    store: memoryStore(),
    ipam: hostScope(),
    routing: vxlan(),
    datapath,
  });
  const notes = new Notes();
  const handlers = [notes.handler, health(agent), metrics(agent, notes), pods(agent)];
  const server = stack.use(createServer(answerWith(handlers)));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  await stack.use(agent).start();
  const started = stack.move();
  return {
    port: (server.address() as AddressInfo).port,
    agent,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

function health(agent: Agent): Handler {
  const incidents = new Incidents(agent.events);
  return async ({ method, path }) => {
    if (method !== "GET" || path !== "/healthz") return undefined;
    const found = healthOf(agent.describe(), incidents.list, Date.now());
    return { status: found.healthy ? 200 : 503, body: found };
  };
}

function metrics(agent: Agent, notes: Notes): Handler {
  return async ({ method, path }) => {
    if (method !== "GET" || path !== "/metrics") return undefined;
    const own = `# HELP notes Notes that are kept.\n# TYPE notes gauge\nnotes ${notes.size}\n`;
    return { status: 200, type: "text/plain; version=0.0.4", body: prometheusText(agent.describe()) + own };
  };
}
