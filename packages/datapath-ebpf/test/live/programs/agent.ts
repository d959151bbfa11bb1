// An agent in a process of its own, so that it can be killed. Reads commands, a line of JSON each, and answers each.
import { createInterface } from "node:readline";
import { createAgent, messageOf, type CreateEndpointOptions } from "@netloom/core";
import { ebpf, type EbpfOptions } from "@netloom/datapath-ebpf";
import { hostScope } from "@netloom/ipam-host-scope";
import { connectStore } from "@netloom/lab";
import { vxlan } from "@netloom/routing-vxlan";

interface Setup {
  readonly node: {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly podCIDRs: readonly string[];
  };
  readonly store: string;
  readonly datapath: EbpfOptions;
}

const setup = JSON.parse(process.argv[2]!) as Setup;
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const agent = createAgent({
  node: setup.node,
  store: connectStore(setup.store),
  ipam: hostScope(),
  routing: vxlan(),
  datapath: ebpf(setup.datapath),
});
agent.events.on("error", (error) => say({ error: messageOf(error) }));
await agent.start();
say({ ready: true, endpoints: agent.endpoints.list() });

for await (const line of createInterface({ input: process.stdin })) {
  const { create, uninstall } = JSON.parse(line) as { create?: CreateEndpointOptions; uninstall?: true };
  try {
    if (create !== undefined) say({ created: await agent.endpoints.create(create) });
    if (uninstall === true) {
      await agent.uninstall();
      say({ uninstalled: true });
      process.exit(0);
    }
  } catch (error) {
    say({ failed: messageOf(error) });
  }
}
