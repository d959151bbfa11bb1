// An agent in a process of its own, so that it can be killed. Reads commands, a line of JSON each, and answers each.
import { createInterface } from "node:readline";
import { createAgent, messageOf, type CreateEndpointOptions, type Routing } from "@netloom/core";
import { ebpf, type EbpfOptions } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { connectStore } from "@netloom/lab";
import {
  bgp,
  bootId,
  kernelRouteTable,
  localDriver,
  processDriver,
  stateFile,
  systemSpeakers,
  type BgpRouting,
  type StaticBgpOptions,
} from "@netloom/routing-bgp";
import { vxlan } from "@netloom/routing-vxlan";

/** How this node reaches others, in plain data. */
export type RemoteRouting =
  | { readonly kind: "vxlan" }
  /** The speaker is in this process, works in a namespace, and remembers its sessions in a directory. */
  | {
      readonly kind: "bgp-here";
      readonly options: StaticBgpOptions;
      readonly netns: string;
      readonly state: string;
    }
  /** The speaker is in a `netloom-bgp` that serves this socket. */
  | { readonly kind: "bgp-process"; readonly options: StaticBgpOptions; readonly socket: string };

interface Setup {
  readonly node: {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly podCIDRs: readonly string[];
  };
  readonly store: string;
  readonly routing: RemoteRouting;
  readonly datapath: EbpfOptions;
}

async function bgpOf(routing: Exclude<RemoteRouting, { kind: "vxlan" }>): Promise<BgpRouting> {
  const { options } = routing;
  if (routing.kind === "bgp-process") {
    return bgp({ ...options, driver: () => processDriver({ path: routing.socket }) });
  }
  const { netns, state } = routing;
  const boot = await bootId();
  return bgp({
    ...options,
    driver: (name) =>
      localDriver(systemSpeakers({ netns }), {
        table: kernelRouteTable({ netns }),
        state: stateFile(state, name),
        boot,
      }),
  });
}

const setup = JSON.parse(process.argv[2]!) as Setup;
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const speaker = setup.routing.kind === "vxlan" ? undefined : await bgpOf(setup.routing);
const routing: Routing = speaker ?? vxlan();
const applied: unknown[] = [];
speaker?.events.on("config:applied", (_instance, effect) => void applied.push(effect));
const agent = createAgent({
  node: setup.node,
  store: connectStore(setup.store),
  ipam: hostScope(),
  routing,
  datapath: ebpf(setup.datapath),
});
agent.events.on("error", (error) => say({ error: messageOf(error) }));
await agent.start();
say({ ready: true, endpoints: agent.endpoints.list() });

for await (const line of createInterface({ input: process.stdin })) {
  const { create, uninstall, status } = JSON.parse(line) as {
    readonly create?: CreateEndpointOptions;
    readonly uninstall?: true;
    readonly status?: true;
  };
  try {
    if (create !== undefined) say({ created: await agent.endpoints.create(create) });
    // What BGP says, and what was done to sessions by new configurations.
    if (status === true) say({ status: await speaker?.status(), applied });
    if (uninstall === true) {
      await agent.uninstall();
      say({ uninstalled: true });
      process.exit(0);
    }
  } catch (error) {
    say({ failed: messageOf(error) });
  }
}
