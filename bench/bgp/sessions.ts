import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "@netloom/lab";
import { ms, printTable } from "../lib/table.ts";
import { CONTENDERS } from "./contenders.ts";
import { momentOf, Program } from "./program.ts";
import { GENERATOR, ROUTER } from "./scene.ts";
import { cpuOf, residentOf } from "./usage.ts";

/** Seconds. */
const HOLD = 9;
const IDLE = 12;

/** Many neighbours, who call at the same time and then have nothing to say. */
export async function sessions(lab: Lab, names: readonly string[], count: number): Promise<void> {
  const rows: string[][] = [];
  for (const name of names) {
    await using router = await CONTENDERS[name]!(lab, {
      asn: ROUTER.asn,
      routerId: ROUTER.address,
      neighbours: [{ where: "10.99.0.0/16", asn: GENERATOR.asn, hold: HOLD }],
    });
    await sleep(1000);
    const before = residentOf(router.pid);
    await using crowd = new Program(lab, "outside", "crowd", [ROUTER.address, GENERATOR.asn, count, HOLD]);
    const complete = await crowd.next("complete");
    const took = Number(momentOf(complete) - momentOf(complete, "startAt")) / 1e6;
    await sleep(2000);
    const memory = residentOf(router.pid) - before;
    const cpu = cpuOf(router.pid);
    await sleep(IDLE * 1000);
    const share = ((cpuOf(router.pid) - cpu) / IDLE) * 100;
    crowd.order("lost");
    const { lost } = await crowd.next("lost");
    rows.push([
      name,
      ms(took),
      `${((memory * 1024) / count).toFixed(0)} kB`,
      `${before.toFixed(0)} MB`,
      `${share.toFixed(1)} %`,
      String(lost),
    ]);
  }
  printTable(
    `${count} sessions, hold time ${HOLD} s`,
    ["", "all established", "memory each", "without", "CPU while idle", "lost"],
    rows,
  );
}
