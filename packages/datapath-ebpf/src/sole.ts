import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import type { Netns } from "@netloom/netlink";
import { refused } from "./errors.ts";

/**
 * An abstract Unix socket (unix(7)): it has no file, belongs to one network namespace, and goes with its process,
 * however that ends. Exactly what says "this node is taken".
 */
const SOCKET = "\0netloom-datapath";

/** Holds a node: as long as it does, no other datapath may change it. */
export class Sole implements Disposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Takes the node that a network namespace is.
   *
   * @throws {@link NetloomError} `ERR_NODE_EXISTS`, naming the process that has it.
   */
  static async take(netns: Netns): Promise<Sole> {
    const server = createServer((socket) => socket.on("error", () => undefined).end(`${process.pid}`));
    // The socket is made at once, in the namespace; what becomes of it is told later.
    netns.run(() => void server.listen(SOCKET));
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      const holder = await holderOf(netns);
      throw refused("ERR_NODE_EXISTS", `another agent has this node: ${holder}`, {
        remedy: "stop it first; what it had made stays in force until this one takes over",
        retryable: true,
        cause: error,
      });
    }
    // Holding a node is no reason to go on living.
    server.unref();
    return new Sole(server);
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}

/** Who has it, for people: process ids may be another container's. */
async function holderOf(netns: Netns): Promise<string> {
  const socket = netns.run(() => connect(SOCKET));
  try {
    const signal = AbortSignal.timeout(1000);
    let said = "";
    for await (const chunk of socket.setEncoding("utf8")) {
      said += String(chunk);
      if (signal.aborted) break;
    }
    return /^\d+$/.test(said) ? `process ${said}` : "a process that does not say which";
  } catch {
    return "a process that has just gone, or does not answer";
  } finally {
    socket.destroy();
  }
}
