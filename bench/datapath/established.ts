import type { Flow } from "@netloom/core";
import { minus, paired, rounds, type Contender, type Figures } from "../lib/rounds.ts";
import { printTable } from "../lib/table.ts";
import type { Bench } from "./bench.ts";
import { REDIRECT, type Paths } from "./connections.ts";
import { REFERENCES } from "./reference.ts";
import type { Shot } from "./replayer.ts";
import { HEAD, rowOf } from "./rows.ts";

const REPEAT = 50_000;

interface Path {
  readonly name: keyof Paths;
  readonly what: string;
  readonly floor: string;
  /** Makes the flow known to the floor. */
  readonly first: string;
  readonly outcome: Flow["outcome"];
}

const PATHS: readonly Path[] = [
  {
    ...{ name: "local", what: "pod to pod, same node", outcome: "to-endpoint" },
    ...{ floor: "parts_local", first: "parts_local_new" },
  },
  {
    ...{ name: "remote", what: "pod to pod, other node", outcome: "to-overlay" },
    ...{ floor: "parts_remote", first: "parts_remote_new" },
  },
  {
    ...{ name: "service", what: "pod to service, other node", outcome: "to-overlay" },
    ...{ floor: "parts_service", first: "parts_service_new" },
  },
  {
    ...{ name: "arriving", what: "from the tunnel to a pod", outcome: "to-endpoint" },
    ...{ floor: "parts_arriving", first: "parts_remote_new" },
  },
];

/** A later packet of a flow that is known. */
export async function established(bench: Bench): Promise<void> {
  const { replayer, connections } = bench;
  const shots = connections.establish();
  for (const path of PATHS) await prove(bench, path, shots[path.name]);
  const send =
    (shot: Shot, target: string, verdict = REDIRECT): Contender =>
    () => {
      const hit = replayer.send({ ...shot, target }, REPEAT);
      if (hit.verdict !== verdict) throw new Error(`${target} answered ${hit.verdict}, not ${verdict}`);
      return hit.nanoseconds;
    };
  const contenders = PATHS.flatMap(({ name, floor }): [string, Contender][] => [
    [name, send(shots[name], shots[name].target)],
    [floor, send(shots[name], floor)],
  ]);
  const of = await rounds<string>(bench.rounds, {
    loop: alone(bench, "nothing", shots.remote),
    redirect: alone(bench, "redirect_only", shots.remote),
    port: byThePort(bench, shots.remote),
    replay: send(shots.remote, "nothing", 0),
    replay_tunnel: send(shots.arriving, "nothing", 0),
    ...Object.fromEntries(contenders),
  });
  const net = (name: string, base: string): Figures => paired(of(name), of(base), minus);
  printTable(`Established flows: TCP, 64 bytes; ${bench.rounds} rounds of ${REPEAT} runs`, HEAD, [
    ...PATHS.map(({ name, what, floor }) =>
      rowOf(what, net(name, shots[name].way), net(floor, shots[name].way), REFERENCES[name]),
    ),
    rowOf(
      "  the service alone: the difference",
      paired(of("service"), of("remote"), minus),
      paired(of("parts_service"), of("parts_remote"), minus),
      REFERENCES.serviceAlone,
    ),
    rowOf("  other node, by Datapath.run", net("port", "loop")),
    rowOf("a program that only redirects", net("redirect", "loop")),
    rowOf("subtracted: the test loop", of("loop")),
    rowOf("subtracted: the frame as it was", net("replay", "loop")),
  ]);
}

/** The path is what it is said to be: the datapath's own event says so. */
async function prove({ listener, replayer }: Bench, path: Path, shot: Shot): Promise<void> {
  const { outcome, state } = await listener.witness(() => void replayer.send(shot));
  if (outcome !== path.outcome || state !== "established")
    throw new Error(`${path.what}: the packet was ${outcome}, its flow ${state}`);
  replayer.send({ ...shot, target: path.first });
}

/** A program of the floor as it is, with nothing before it. */
function alone({ floor, netns }: Bench, name: string, { frame, ifindex }: Shot): Contender {
  const options = { packet: frame, ctx: { ifindex }, repeat: REPEAT };
  return () => netns.run(() => floor.program(name).run(options).nsPerRun);
}

/** What goes into the tunnel is not changed, so one packet serves all repeats: no replaying, no subtraction of it. */
function byThePort({ scene }: Bench, { frame, ifindex }: Shot): Contender {
  return async () =>
    (await scene.datapath.run(frame, "from-container", { ifindex, repeat: REPEAT })).nanoseconds;
}
