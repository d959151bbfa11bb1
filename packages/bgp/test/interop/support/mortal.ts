import { fork } from "node:child_process";
import { once } from "node:events";
import type { Begin } from "../programs/speaker.ts";

/** A speaker of ours in a process of its own. */
export interface Mortal extends AsyncDisposable {
  /** Times that its peer became established. */
  readonly established: number;
  /** Everything has been told: End-of-RIB. */
  ready(): void;
  /** SIGKILL, and nobody has been told. */
  kill(): Promise<void>;
}

const PROGRAM = new URL("../programs/speaker.ts", import.meta.url);

export function startMortal(begin: Begin): Mortal {
  const child = fork(PROGRAM, {
    execArgv: ["--conditions=@netloom/source"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let established = 0;
  child.on("message", (state) => {
    if (state === "established") established++;
  });
  child.send(begin);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  return {
    get established() {
      return established;
    },
    ready: () => void child.send("ready"),
    kill,
    [Symbol.asyncDispose]: kill,
  };
}
