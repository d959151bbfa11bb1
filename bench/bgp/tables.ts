import type { Lab } from "@netloom/lab";
import { median, pairedRatio } from "../lib/rounds.ts";
import { ms, NONE, printTable, ratio } from "../lib/table.ts";
import { CONTENDERS, loopOf, type Contender, type StartContender } from "./contenders.ts";
import { momentOf, Program } from "./program.ts";
import { GENERATOR, ROUTER, SINK } from "./scene.ts";
import { startUsage, type Usage } from "./usage.ts";

/** One table, taken in or told. */
interface Passage extends Usage {
  readonly seconds: number;
  /** Until 99 of 100 prefixes were told. */
  readonly most?: number;
  readonly messages?: number;
  readonly stall?: number;
  readonly busy?: number;
}

interface Case {
  readonly count: number;
  readonly sets: number;
}

const SETUP = {
  asn: ROUTER.asn,
  routerId: ROUTER.address,
  neighbours: [GENERATOR, SINK].map(({ address, asn }) => ({ where: address, asn })),
};

/** Ours can tell a table that it was given by `load()` as well as one that it has learned. */
const OWN = "Netloom, load()";

/** Whole tables, received and then sent on: by each in turn, each in a process that has just started. */
export async function tables(
  lab: Lab,
  names: readonly string[],
  cases: readonly Case[],
  rounds: number,
): Promise<void> {
  for (const each of cases) {
    const rows = [...names, ...(names.includes("Netloom") ? [OWN] : [])];
    const received = new Map(rows.map((name) => [name, [] as Passage[]]));
    const sent = new Map(rows.map((name) => [name, [] as Passage[]]));
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const start = CONTENDERS[name]!;
        const passages = await learned(lab, start, each);
        received.get(name)!.push(passages.received);
        sent.get(name)!.push(passages.sent);
        if (name !== "Netloom") continue;
        const own = await loaded(lab, start, each);
        received.get(OWN)!.push(own.received);
        sent.get(OWN)!.push(own.sent);
      }
    }
    print("received", each, rounds, received);
    print("sent", each, rounds, sent);
  }
}

interface Passages {
  readonly received: Passage;
  readonly sent: Passage;
}

async function learned(lab: Lab, start: StartContender, { count, sets }: Case): Promise<Passages> {
  await using router = await start(lab, SETUP);
  const { address, asn } = GENERATOR;
  await using generator = new Program(lab, "outside", "generator", [
    address,
    ROUTER.address,
    asn,
    count,
    sets,
  ]);
  await generator.next("established");
  const usage = startUsage(router.pid);
  const complete = router.received(count, sets);
  generator.order("table");
  const { at, ...loop } = await complete;
  const seconds = Number(at - momentOf(await generator.next("sent"))) / 1e9;
  const received = { seconds, ...usage(), ...loop };
  return { received, sent: await drain(lab, router, count) };
}

async function loaded(lab: Lab, start: StartContender, { count, sets }: Case): Promise<Passages> {
  await using router = await start(lab, SETUP);
  const usage = startUsage(router.pid);
  router.program!.order("load", { count, sets });
  const report = await router.program!.next("loaded");
  const seconds = Number(momentOf(report, "until") - momentOf(report)) / 1e9;
  const received = { seconds, ...usage(), ...loopOf(report) };
  // Awaited here, for the router goes with this function.
  return { received, sent: await drain(lab, router, count) };
}

async function drain(lab: Lab, router: Contender, count: number): Promise<Passage> {
  const usage = startUsage(router.pid);
  await using sink = new Program(lab, "outside", "sink", [SINK.address, ROUTER.address, SINK.asn, count]);
  const established = await sink.next("established");
  const complete = await sink.next("complete");
  const since = (field: string): number =>
    Number(momentOf(complete, field) - momentOf(established, "startAt")) / 1e9;
  return { seconds: since("at"), most: since("mostAt"), messages: Number(complete["messages"]), ...usage() };
}

function print(
  what: "received" | "sent",
  { count, sets }: Case,
  rounds: number,
  passages: ReadonlyMap<string, readonly Passage[]>,
): void {
  const [base] = passages.keys();
  const of = (name: string, field: keyof Passage): number[] =>
    passages.get(name)!.flatMap((passage) => passage[field] ?? []);
  const shown = (name: string, field: keyof Passage, format: (value: number) => string): string => {
    const figures = of(name, field);
    return figures.length === 0 ? NONE : format(median(figures));
  };
  const seconds = (value: number): string => `${value.toFixed(value < 10 ? 3 : 1)} s`;
  const rows = [...passages.keys()].map((name) => [
    name,
    shown(name, "seconds", seconds),
    ratio(pairedRatio(of(name, "seconds"), of(base!, "seconds"))),
    ...(what === "sent" ? [shown(name, "most", seconds), shown(name, "messages", String)] : []),
    shown(name, "cpu", seconds),
    shown(name, "peak", (value) => `${value.toFixed(0)} MB`),
    ratio(pairedRatio(of(name, "peak"), of(base!, "peak"))),
    ...(what === "received" ? [shown(name, "stall", ms), shown(name, "busy", ms)] : []),
  ]);
  const more = what === "sent" ? ["99 %", "messages"] : [];
  printTable(
    `${count} prefixes, ${sets} attribute set${sets === 1 ? "" : "s"}, ${what}: median of ${rounds}`,
    [
      "",
      "seconds",
      `to ${base}`,
      ...more,
      "CPU",
      "peak",
      `to ${base}`,
      ...(what === "received" ? ["stall", "computed"] : []),
    ],
    rows,
  );
}
