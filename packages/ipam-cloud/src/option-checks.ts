import { NetloomError } from "@netloom/core";

/** More than this many milliseconds a timer takes for one. */
const LONGEST = 2 ** 31 - 1;

/** What every wrong option is told as. */
export function invalid(option: string, input: unknown, remedy: string): NetloomError {
  return wrong(`option ${option} ${shown(input)} is not acceptable`, input, remedy);
}

/** An object of these options and no others. @param option - whose; empty for the options themselves */
export function checkNames(option: string, value: unknown, names: readonly string[]): void {
  const remedy = `write { ${names[0]}: … }`;
  if (!isObject(value))
    throw option === ""
      ? wrong(`the options cannot be ${shown(value)}`, value, remedy)
      : invalid(option, value, remedy);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const name = option === "" ? unknown : `${option}.${unknown}`;
  throw wrong(`there is no option ${name}`, unknown, `the options are ${names.join(", ")}`);
}

/** Whole milliseconds, of which there may be so few. */
export function checkTime(option: string, value: unknown, least = 0): void {
  if (isWhole(value) && value >= least && value <= LONGEST) return;
  throw invalid(option, value, `write whole milliseconds, ${least} to ${LONGEST}`);
}

export function checkText(option: string, value: unknown): void {
  if (typeof value !== "string" || value === "") throw invalid(option, value, "write a text");
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function shown(input: unknown): string {
  return isObject(input) || Array.isArray(input) ? (JSON.stringify(input) ?? "") : String(input);
}

function wrong(message: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", message, { input, remedy, backend: "cloud" });
}
