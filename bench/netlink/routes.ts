import type { Lab } from "@netloom/lab";
import { addRoute, deleteRoute, Rtnl, type Request } from "@netloom/netlink";
import { rounds } from "../lib/rounds.ts";
import { NONE } from "../lib/table.ts";
import { costOf, costOfScript, type Cost } from "../lib/time.ts";
import { costRow, printCosts } from "./costs.ts";

const COUNT = 10_000;
const GATEWAY = "10.0.0.2";

/** 10,000 routes into a namespace of its own: one by one, in batches, listed, deleted; beside `ip -batch` and `ip -j`. */
export async function routes(lab: Lab, count: number): Promise<void> {
  const netns = lab.namespace("routes");
  using rtnl = Rtnl.open({ netns });
  rtnl.links.create({ kind: "veth", name: "a", up: true, peer: { name: "b", up: true } });
  rtnl.addresses.add({ device: "a", address: "10.0.0.1/24" });
  const destinations = Array.from({ length: COUNT }, (_, at) => `10.${100 + (at >> 8)}.${at & 255}.0/24`);
  // Requests are made within the measured time, as a caller would make them.
  const adds = (): Request[] => destinations.map((to) => addRoute({ to, via: GATEWAY, device: "a" }));
  const deletes = (): Request[] => destinations.map((to) => deleteRoute({ to }));
  const addScript = destinations.map((to) => `route add ${to} via ${GATEWAY} dev a\n`).join("");
  const deleteScript = destinations.map((to) => `route del ${to}\n`).join("");
  const batch = (script: string): Cost => costOfScript(`ip -n ${netns.name} -batch -`, script);
  // Each step finds what the one before left.
  const of = await rounds(count, {
    addSingly: () =>
      costOf(() => {
        for (const to of destinations) rtnl.routes.add({ to, via: GATEWAY, device: "a" });
      }),
    deleteSingly: () =>
      costOf(() => {
        for (const to of destinations) rtnl.routes.delete({ to });
      }),
    ipAdd: () => batch(addScript),
    ipList: () => listWithIp(netns.name),
    ipDelete: () => batch(deleteScript),
    add: () => costOf(() => rtnl.batch(adds())),
    list: () => costOf(() => expectAll(rtnl.routes.list({ family: 4 }))),
    delete: () => costOf(() => rtnl.batch(deletes())),
  });
  printCosts(`${COUNT} routes: ${count} rounds`, [
    costRow("add, one by one", of("addSingly"), of("ipAdd"), "0.67x (105 ms)"),
    costRow("add, batched", of("add"), of("ipAdd"), "0.28x (44 ms)"),
    costRow("delete, one by one", of("deleteSingly"), of("ipDelete"), NONE),
    costRow("delete, batched", of("delete"), of("ipDelete"), "0.23x (36 ms)"),
    costRow("list, decoded; ip -j and JSON.parse", of("list"), of("ipList"), "0.07x (5 ms, undecoded)"),
  ]);
}

/** And understood: `ip` writes text. */
function listWithIp(netns: string): Cost {
  const written = costOfScript(`ip -n ${netns} -j route`);
  const read = costOf(() => expectAll(JSON.parse(written.output) as unknown[]));
  return { cpu: written.cpu + read.cpu, wall: written.wall + read.wall };
}

function expectAll(found: readonly unknown[]): void {
  // One more: the route to the device's own network.
  if (found.length !== COUNT + 1) throw new Error(`${found.length} routes instead of ${COUNT + 1}`);
}
