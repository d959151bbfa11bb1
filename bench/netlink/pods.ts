import type { Lab } from "@netloom/lab";
import { Rtnl } from "@netloom/netlink";
import { rounds } from "../lib/rounds.ts";
import { NONE } from "../lib/table.ts";
import { costOf, costOfScript, type Cost } from "../lib/time.ts";
import { costRow, printCosts } from "./costs.ts";

/** In one go, for the shell counts whole milliseconds. */
const PODS = 10;
const NUMBERS = Array.from({ length: PODS }, (_, at) => at);

/**
 * What attaching a pod takes of netlink: a veth pair with its peer inside a namespace, an address, and a route to it;
 * beside the same with ip(8), one command each, as a shell script would.
 */
export async function pods(lab: Lab, count: number): Promise<void> {
  const node = lab.namespace("node");
  const pod = lab.namespace("pod");
  using host = Rtnl.open({ netns: node });
  const address = (at: number): string => `10.1.0.${at + 2}/32`;
  const withUs = (): void => {
    for (const at of NUMBERS) {
      const peer = { name: `eth${at}`, netns: pod, up: true };
      host.links.create({ kind: "veth", name: `pod${at}`, up: true, peer });
      // A pod has a namespace of its own, and so a socket of its own.
      using inside = Rtnl.open({ netns: pod });
      inside.addresses.add({ device: `eth${at}`, address: address(at) });
      host.routes.add({ to: address(at), device: `pod${at}` });
    }
  };
  const script = NUMBERS.flatMap((at) => [
    `ip -n ${node.name} link add pod${at} type veth peer name eth${at} netns ${pod.name}`,
    `ip -n ${node.name} link set pod${at} up`,
    `ip -n ${pod.name} link set eth${at} up`,
    `ip -n ${pod.name} addr add ${address(at)} dev eth${at}`,
    `ip -n ${node.name} route add ${address(at)} dev pod${at}`,
  ]).join("\n");
  const of = await rounds(count, {
    attach: () => each(costOf(withUs)),
    remove: () =>
      each(
        costOf(() => {
          for (const at of NUMBERS) host.links.delete(`pod${at}`);
        }),
      ),
    ipAttach: () => each(costOfScript(script)),
    ipRemove: () =>
      each(costOfScript(NUMBERS.map((at) => `ip -n ${node.name} link del pod${at}`).join("\n"))),
  });
  printCosts(`A pod's interface: ${count} rounds of ${PODS}`, [
    costRow("veth pair, address, route", of("attach"), of("ipAttach"), "0.02x (1.2–1.5 ms)"),
    costRow("delete the pair", of("remove"), of("ipRemove"), NONE),
  ]);
}

function each({ cpu, wall }: Cost): Cost {
  return { cpu: cpu / PODS, wall: wall / PODS };
}
