import type { Agent } from "@netloom/core";
import { median } from "../lib/rounds.ts";
import { ms, NONE, printTable } from "../lib/table.ts";
import { LOAD, SERVICE } from "./reference.ts";
import { PORT, SERVICES, taking, type Milliseconds, type Scene } from "./scene.ts";

const MORE = 9;

/** What the agent pays for a change, until it is enforced. */
export async function agentCost({ agent, cost }: Scene): Promise<void> {
  const service: Milliseconds[] = [];
  for (let at = 0; at < MORE; at++) service.push(await taking(() => addService(agent, at)));
  const of = (kind: keyof Milliseconds): string => ms(median(service.map((one) => one[kind])));
  printTable(
    "What the agent pays",
    ["", "CPU", "wall", "peers' there", "goal there"],
    [
      ["programs and maps of a node, once, cold", ms(cost.start.cpu), ms(cost.start.wall), NONE, NONE],
      [
        ...["one pod more: interface, addresses, tables", ms(cost.attach.cpu), ms(cost.attach.wall)],
        ...[LOAD.cilium, LOAD.goal],
      ],
      [
        ...[`one service more, ${SERVICES} there, enforced`, of("cpu"), of("wall")],
        ...[SERVICE.iptables, SERVICE.goal],
      ],
    ],
  );
}

async function addService(agent: Agent, at: number): Promise<void> {
  const revision = await agent.cluster.services.apply({
    name: `pods/more-${at}`,
    addresses: [`10.96.201.${at}`],
    ports: [{ port: 80, targetPort: PORT }],
    backends: [{ address: `10.245.10.${at}` }],
  });
  await agent.settled(revision);
}
