import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LiveCluster } from "./cluster.ts";

const PROGRAM = join(import.meta.dirname, "programs", "peer.mjs");

/** What a program says, a line at a time. */
export type Said = Readonly<Record<string, unknown>>;

/** A program in a pod's namespace. */
export interface Peer {
  /** All it has said so far. */
  readonly said: readonly Said[];
  /** The next thing it says that fits. @throws where it ends, or says nothing of the kind for 20 seconds. */
  next(fits?: (said: Said) => boolean): Promise<Said>;
  /** The first thing that fits of all it has said, or will say. */
  first(fits: (said: Said) => boolean): Promise<Said>;
  /** Resolves with all it said when it has ended. */
  ended: Promise<readonly Said[]>;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<readonly Said[]>;
  kill(): Promise<void>;
}

/** Starts one end of a conversation; see `programs/peer.mjs` for the roles. */
export function startPeer(
  live: Pick<LiveCluster, "lab">,
  namespace: string,
  role: string,
  ...args: (string | number)[]
): Peer {
  const child = live.lab.spawn(namespace, process.execPath, [PROGRAM, role, ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: Said[] = [];
  let wake = (): void => undefined;
  let over = false;
  const lines = createInterface({ input: child.stdout! });
  lines.on("line", (line) => {
    said.push(JSON.parse(line) as Said);
    wake();
  });
  const ended = once(child, "close").then(() => {
    over = true;
    wake();
    return said;
  });
  const hear = async (fits: (said: Said) => boolean, after: number): Promise<Said> => {
    const deadline = Date.now() + 20_000;
    for (let from = after; ;) {
      const found = said.slice(from).find(fits);
      if (found !== undefined) return found;
      from = said.length;
      if (over) throw new Error(`${role} ended without saying it; it said ${JSON.stringify(said)}`);
      if (Date.now() > deadline)
        throw new Error(`${role} does not say it; it said ${JSON.stringify(said.slice(-5))}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 100);
      });
    }
  };
  return {
    said,
    ended,
    next: (fits = () => true) => hear(fits, said.length),
    first: (fits) => hear(fits, 0),
    stop() {
      child.kill("SIGTERM");
      return ended;
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A server that listens by now. */
export async function serve(
  live: Pick<LiveCluster, "lab">,
  namespace: string,
  role: string,
  port: number,
): Promise<Peer> {
  const peer = startPeer(live, namespace, role, port);
  if (peer.said.length === 0) await peer.next();
  return peer;
}

/** Whether a TCP connection comes about, and what the other end did about it. */
export async function tries(
  live: Pick<LiveCluster, "lab">,
  namespace: string,
  host: string,
  port: number,
): Promise<Said> {
  const [said] = await startPeer(live, namespace, "tcp-try", host, port, 1000).ended;
  return said!;
}
