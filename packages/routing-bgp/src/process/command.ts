import type { SpeakerFactory } from "../host.ts";
import { runProcess } from "./run.ts";

/** The command as its process is it: parameters, signals and exit status. */
export async function command(createSpeaker: SpeakerFactory): Promise<void> {
  const ended = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ended.abort());
  process.exitCode = await runProcess({
    createSpeaker,
    parameters: process.argv.slice(2),
    print: (line) => console.log(line),
    complain: (line) => console.error(line),
    signal: ended.signal,
  });
}
