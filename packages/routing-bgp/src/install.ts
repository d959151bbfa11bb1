import { NetloomError } from "@netloom/core";
import { MAIN_TABLE } from "@netloom/netlink";
import type { SpeakerSettings } from "./driver.ts";
import { METRIC } from "./sys/kernel-table.ts";

type Install = SpeakerSettings["install"];

const NUMBERS = ["table", "metric"] as const;
const MOST = 0xffff_ffff;

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID` */
export function installOption(input: unknown): Install {
  if (input === undefined) return {};
  if (input === false) return false;
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid("option install is no object", input, "write { table, metric }, or false");
  }
  const fields = input as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).find((name) => !NUMBERS.some((known) => known === name));
  if (unknown !== undefined) {
    throw invalid(`option install has no ${unknown}`, input, `write ${NUMBERS.join(" and ")} at most`);
  }
  for (const name of NUMBERS) {
    const value = fields[name];
    // The kernel takes 0 for "whichever", and routes would not be found again.
    const fits = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST;
    if (value === undefined || fits) continue;
    throw invalid(`option install.${name} is out of range`, value, `write a whole number from 1 to ${MOST}`);
  }
  return fields;
}

/**
 * Where one of several speakers of a node installs: each has a metric of its own, counted on in the order of their names.
 * With one metric for all they would take each other's routes for their own, and none could have a prefix that another has.
 */
export function installOf(install: Install, name: string, names: readonly string[]): Install {
  const before = names.filter((other) => other < name).length;
  if (install === false || before === 0) return install;
  return { ...install, metric: (install.metric ?? METRIC) + before };
}

/** Both mean the same routes of the kernel. */
export function sameInstall(one: Install, other: Install): boolean {
  if (one === false || other === false) return one === other;
  return (
    (one.table ?? MAIN_TABLE) === (other.table ?? MAIN_TABLE) &&
    (one.metric ?? METRIC) === (other.metric ?? METRIC)
  );
}

function invalid(what: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", what, { input, remedy, backend: "bgp" });
}
