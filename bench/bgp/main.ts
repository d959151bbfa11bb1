/**
 * What a BGP speaker takes to learn and to tell whole tables, to pass on one prefix, and to keep many sessions: ours
 * beside BIRD, FRR and GoBGP, each in a process of its own behind a cable, with the same neighbours in the same run.
 *
 * Run it by `npm run bench -- bgp [--rounds N] [--prefixes N,…] [--sets N,…] [--contenders name,…] [--parts
 * tables,latency,sessions]`.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Lab } from "@netloom/lab";
import { withLab } from "../lib/interrupt.ts";
import { buildSpeaker } from "./built.ts";
import { CONTENDERS } from "./contenders.ts";
import { latency } from "./latency.ts";
import { makeScene } from "./scene.ts";
import { sessions } from "./sessions.ts";
import { tables } from "./tables.ts";

const SESSIONS = 500;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1" },
    prefixes: { type: "string", default: "100000,500000,1000000" },
    sets: { type: "string", default: "1,1000" },
    contenders: { type: "string", default: Object.keys(CONTENDERS).join(",") },
    parts: { type: "string", default: "tables,latency,sessions" },
  },
});

const numbers = (text: string): number[] => text.split(",").map(Number);
const cases = numbers(values.prefixes).flatMap((count) =>
  numbers(values.sets).map((sets) => ({ count, sets })),
);
const names = values.contenders.split(",");
const unknown = names.filter((name) => CONTENDERS[name] === undefined);
if (unknown.length > 0) throw new Error(`no contender ${unknown.join(", ")}`);
const parts = new Set(values.parts.split(","));

if (names.includes("Netloom")) await buildSpeaker();
await withLab(new Lab("bench"), async (lab) => {
  makeScene(lab, SESSIONS);
  console.log(`load before: ${loadavg()[0]!.toFixed(1)}`);
  if (parts.has("tables")) await tables(lab, names, cases, Number(values.rounds));
  if (parts.has("latency")) await latency(lab, names);
  if (parts.has("sessions")) await sessions(lab, names, SESSIONS);
});
