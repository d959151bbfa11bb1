import { parseArgs } from "node:util";
import type { CloseMode } from "@netloom/bgp";
import { systemClock } from "@netloom/core";
import { SpeakerHost, type SpeakerFactory } from "../host.ts";
import { bootId, RestartState, stateFile } from "../restart-state.ts";
import { kernelRouteTable } from "../sys/kernel-table.ts";
import { serveSpeaker } from "./serve.ts";

const USAGE = `Usage: netloom-bgp --socket <path> [options]

Runs a BGP speaker that an agent drives through a Unix socket. The agent may come and go.

  --socket <path>      where the agent connects; readable by the owner alone
  --state <directory>  remembers sessions there, so that a start after a crash is a graceful restart (RFC 4724);
                       best on a file system that a reboot empties, such as /run
  --name <name>        of the file in that directory (default: speaker)
  --on-exit <mode>     what SIGTERM does: preserve (default: peers with graceful restart keep our routes),
                       withdraw (they are told, and forget us)
  --help               this text`;

const MODES: readonly string[] = ["preserve", "withdraw"] satisfies CloseMode[];

export interface RunOptions {
  readonly createSpeaker: SpeakerFactory;
  readonly parameters: readonly string[];
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
  /** Aborted to end it. */
  readonly signal: AbortSignal;
}

/** The command `netloom-bgp`, until it is ended. Resolves to its exit status. */
export async function runProcess(options: RunOptions): Promise<number> {
  const { print, complain, signal } = options;
  let values;
  try {
    ({ values } = parseArgs({
      args: [...options.parameters],
      options: {
        socket: { type: "string" },
        state: { type: "string" },
        name: { type: "string", default: "speaker" },
        "on-exit": { type: "string", default: "preserve" },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    complain(`netloom-bgp: ${String(error)}\n${USAGE}`);
    return 2;
  }
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const { socket, state, name, "on-exit": mode } = values;
  if (socket === undefined || !MODES.includes(mode)) {
    complain(USAGE);
    return 2;
  }
  const onError = (error: unknown): void => complain(`netloom-bgp: ${String(error)}`);
  const host = new SpeakerHost({
    createSpeaker: options.createSpeaker,
    clock: systemClock,
    openTable: (install) => kernelRouteTable(install),
    restart: state === undefined ? undefined : new RestartState(stateFile(state, name), await bootId()),
  });
  host.events.on("error", onError);
  try {
    const server = await serveSpeaker({ path: socket, host, onError });
    print(`netloom-bgp: process ${process.pid} serves ${socket}`);
    await ended(signal);
    await server[Symbol.asyncDispose]();
    await host.close(mode as CloseMode);
    return 0;
  } catch (error) {
    onError(error);
    return 1;
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
