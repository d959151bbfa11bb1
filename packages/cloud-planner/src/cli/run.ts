import { planRollout } from "../plan-rollout.ts";
import { parseCommand } from "./options.ts";
import { textOf } from "./text.ts";
import { USAGE } from "./usage.ts";

export interface Ran {
  /** 0 where all pods fit, 1 where they do not, 2 where the arguments make no sense. */
  readonly code: 0 | 1 | 2;
  readonly output: string;
  /** One line, or nothing. */
  readonly error: string;
}

/** The command, without a process. */
export async function run(args: readonly string[]): Promise<Ran> {
  try {
    const command = parseCommand(args);
    if (command.do === "help") return { code: 0, output: USAGE, error: "" };
    const report = await planRollout(command.input);
    const output = command.json ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report);
    return { code: report.capacity.fits ? 0 : 1, output, error: "" };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: 2, output: "", error: `netloom-cloud-plan: ${message.replaceAll(/\s+/g, " ")}\n` };
  }
}
