import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";

/** Where the repository's runner installs it: see tools/run.mjs. */
const INSTALLED = join(import.meta.dirname, "../../../../.cache/python");

export interface Moto extends AsyncDisposable {
  readonly url: string;
}

/** `moto`, an independent server that speaks EC2; or why there is none. */
export async function startMoto(): Promise<Moto | string> {
  const why: string[] = [];
  // Thousands that nobody asks for take it half a minute to read.
  const environment = { ...process.env, MOTO_EC2_LOAD_DEFAULT_AMIS: "false" };
  const paths = [existsSync(INSTALLED) ? INSTALLED : undefined, process.env["PYTHONPATH"]];
  const python = { ...environment, PYTHONPATH: paths.filter((path) => path !== undefined).join(delimiter) };
  for (const [command, ...args] of [["python3", "-m", "moto.server"], ["moto_server"]] as const) {
    const port = await freePort();
    const child = spawn(command, [...args, "-H", "127.0.0.1", "-p", String(port)], {
      env: command === "python3" ? python : environment,
      stdio: "ignore",
    });
    const ended = endOf(child);
    const url = `http://127.0.0.1:${port}`;
    const failure = await Promise.race([ended, answering(url)]);
    const end = async (): Promise<void> => {
      child.kill("SIGKILL");
      await ended;
    };
    if (failure === undefined) return { url, [Symbol.asyncDispose]: end };
    await end();
    why.push(`${[command, ...args].join(" ")} ${failure}`);
  }
  return why.join(", ");
}

/** Resolves to why, when it has. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`cannot be run (${error.message})`));
    child.once("exit", (code) => resolve(`ended with ${code}`));
  });
}

/** Resolves to nothing when it answers, and to why not where it does not within half a minute. */
async function answering(url: string): Promise<string | undefined> {
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      await fetch(`${url}/moto-api/data.json`, { signal: AbortSignal.timeout(5000) });
      return undefined;
    } catch {
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
  }
  return "does not answer";
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
