import { parseArgs } from "node:util";

/** How many rounds `--rounds` asks for. */
export function roundsWanted(otherwise: number): number {
  const { values } = parseArgs({ options: { rounds: { type: "string" } } });
  const rounds = values.rounds === undefined ? otherwise : Number(values.rounds);
  if (Number.isInteger(rounds) && rounds > 0) return rounds;
  throw new Error(`--rounds ${values.rounds}: write a whole number, 1 or more`);
}
