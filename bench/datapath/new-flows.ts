import { EventLevel } from "@netloom/core/backend";
import { minus, paired, rounds, type Contender, type Figures } from "../lib/rounds.ts";
import { printTable } from "../lib/table.ts";
import type { Bench } from "./bench.ts";
import { BURST, burst, told, type NewFlows } from "./burst.ts";
import { address, DROP, REDIRECT } from "./connections.ts";
import { forgetParts } from "./parts.ts";
import { REFERENCES } from "./reference.ts";
import { HEAD, rowOf } from "./rows.ts";
import { PORT, VIP, VIP_PORT } from "./scene.ts";

/** Nothing is allowed there. */
const DENIED_PORT = 9;

type Name = "local" | "remote" | "service" | "denied";

/** First packets: each run is another flow, and each tells of itself by an event, that a reader reads. */
export async function newFlows(bench: Bench): Promise<void> {
  const kinds = kindsOf(bench);
  const { remote } = kinds;
  const fresh =
    (name: Name): Contender =>
    async () => {
      const figure = await told(bench, kinds[name]);
      forget(bench);
      return figure;
    };
  const floor =
    (name: Name, target: string): Contender =>
    () => {
      const figure = burst(bench, { ...kinds[name], target });
      forgetParts(bench.parts);
      return figure;
    };
  const of = await rounds(bench.rounds, {
    base: () => burst(bench, { ...remote, target: "nothing", verdict: 0 }),
    ...{ local: fresh("local"), remote: fresh("remote"), service: fresh("service"), denied: fresh("denied") },
    quiet: () => untold(bench, remote),
    localFloor: floor("local", "parts_local_new"),
    remoteFloor: floor("remote", "parts_remote_new"),
    serviceFloor: floor("service", "parts_service_new"),
    deniedFloor: floor("denied", "parts_denied"),
  });
  const net = (name: Name | "quiet" | `${Name}Floor`): Figures => paired(of(name), of("base"), minus);
  printTable(`First packets, conntrack with room: ${bench.rounds} rounds of ${BURST} flows`, HEAD, [
    rowOf(kinds.local.what, net("local"), net("localFloor"), REFERENCES.localNew),
    rowOf(remote.what, net("remote"), net("remoteFloor"), REFERENCES.remoteNew),
    rowOf("  other node, without events", net("quiet"), net("remoteFloor")),
    rowOf(kinds.service.what, net("service"), net("serviceFloor"), REFERENCES.serviceNew),
    rowOf(kinds.denied.what, net("denied"), net("deniedFloor"), REFERENCES.denied),
  ]);
}

function kindsOf({ scene, connections }: Bench): Record<Name, NewFlows> {
  const kind = (what: string, destination: string, port: number, verdict = REDIRECT): NewFlows => ({
    ...{ what, destinations: [destination], verdict },
    ...connections.first(destination, port),
  });
  const remote = address(scene.remotes[0]!);
  return {
    local: kind("pod to pod, same node", address(scene.server), PORT),
    remote: kind("pod to pod, other node", remote, PORT),
    service: kind("pod to service, other node", VIP, VIP_PORT),
    denied: kind("refused by the egress policy", remote, DENIED_PORT, DROP),
  };
}

function untold(bench: Bench, kind: NewFlows): number {
  bench.listener.level(EventLevel.EVENTS_NONE);
  const figure = burst(bench, kind);
  bench.listener.level(EventLevel.EVENTS_FLOWS);
  forget(bench);
  return figure;
}

function forget({ scene }: Bench): void {
  const { conntrack } = scene.datapath.maps;
  conntrack.deleteMany([...conntrack.entries()].map(([key]) => key));
}
