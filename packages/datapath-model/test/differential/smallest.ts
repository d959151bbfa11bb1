import { messageOf } from "@netloom/core";
import type { Case } from "./steps.ts";

/** Leaves out of a failing case whatever it fails without. @returns the case and how it fails, for people. */
export function smallest(game: Case, play: (game: Case) => void): string {
  const failure = (candidate: Case): string | undefined => {
    try {
      play(candidate);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
  let best = game;
  let message = failure(best) ?? "it fails no more: it needs what came before";
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = best.steps.length - size; at >= 0; at--) {
      const fewer = { ...best, steps: best.steps.toSpliced(at, size) };
      const said = failure(fewer);
      if (said === undefined) continue;
      best = fewer;
      message = said;
    }
  }
  const used = new Set(best.steps.flatMap((step) => (step.kind === "packet" ? [step.conversation] : [])));
  const lines = [
    ...best.steps.map((step, at) => `  ${at}: ${JSON.stringify(step)}`),
    ...[...used].map((at) => `  conversation ${at}: ${JSON.stringify(best.conversations[at])}`),
    `  state: ${JSON.stringify(best.state)}`,
  ];
  return `${message}\n${lines.join("\n")}`;
}
