import type { ChildProcess } from "node:child_process";

export interface ExecOptions {
  /** Text for the program's standard input. @defaultValue none */
  readonly input?: string;
  readonly cwd?: string;
  /** @defaultValue the environment of this process */
  readonly env?: NodeJS.ProcessEnv;
  /** Kills the program and rejects with an `AbortError`. */
  readonly signal?: AbortSignal;
}

export interface ExecResult {
  /** Exit code; `null` when a signal ended the program. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Feeds a child with piped streams and waits for its end. */
export function collect(child: ChildProcess, input: string | undefined): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
    // A program that ends without reading all of its input is no failure.
    child.stdin?.on("error", () => {
      child.stdin?.destroy();
    });
    child.stdin?.end(input ?? "");
  });
}
