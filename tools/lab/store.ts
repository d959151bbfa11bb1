import { rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { NetloomError, type ChangeBatch, type Json, type Session, type Store } from "@netloom/core";

/** One call, or the end of one that goes on. */
interface Request {
  readonly id: number;
  readonly call: "get" | "list" | "create" | "update" | "delete" | "watch" | "session" | "end";
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean };
  /** No more of this one will come. */
  readonly last?: boolean;
}

/** Shares a store with other processes, by lines of JSON over a Unix socket. A client that goes loses its sessions. */
export function serveStore(store: Store, path: string): Disposable {
  rmSync(path, { force: true });
  const server = createServer((socket) => serveClient(store, socket)).listen(path);
  server.unref();
  return { [Symbol.dispose]: () => void server.close() };
}

function serveClient(store: Store, socket: Socket): void {
  const gone = new AbortController();
  const running = new Map<number, AbortController>();
  const sessions = new Map<string, Session>();
  const answer = (message: Answer): void =>
    void (gone.signal.aborted || socket.write(`${JSON.stringify(message)}\n`));
  socket.on("close", () => {
    gone.abort();
    for (const session of sessions.values()) void session[Symbol.asyncDispose]();
  });
  const withSession = (options: { session?: string } | undefined): object => {
    if (options?.session === undefined) return { ...options };
    const session = sessions.get(options.session);
    if (session === undefined) throw new NetloomError("ERR_STORE_CONFLICT", "the session has ended");
    return { ...options, session };
  };
  const act = async ({ id, call, args }: Request): Promise<unknown> => {
    const [key, second, third] = args as [string, Json, { session?: string } | undefined];
    switch (call) {
      case "get":
        return store.get(key);
      case "list":
        return store.list(key);
      case "create":
        return store.create(key, second, withSession(third));
      case "update":
        return store.update(key, second, withSession(third) as { revision: number });
      case "delete":
        return store.delete(key, second as { revision?: number });
      case "session": {
        const session = await store.session({ ttl: Number(key) });
        sessions.set(session.id, session);
        session.lost.addEventListener("abort", () => answer({ id, last: true }), { once: true });
        return session.id;
      }
      case "end":
        running.get(Number(key))?.abort();
        await sessions.get(key)?.[Symbol.asyncDispose]();
        return undefined;
      case "watch": {
        const stop = new AbortController();
        running.set(id, stop);
        const signal = AbortSignal.any([stop.signal, gone.signal]);
        for await (const batch of store.watch(key, { ...(second as { from: number }), signal })) {
          answer({ id, value: batch });
        }
        return undefined;
      }
    }
  };
  // A client that is killed is no error; the interface hands on its socket's.
  const lines = createInterface({ input: socket }).on("error", () => undefined);
  lines.on("line", (line) => {
    const request = JSON.parse(line) as Request;
    const goesOn = request.call === "session";
    act(request)
      .then((value) => answer({ id: request.id, value, last: !goesOn }))
      .catch((error: unknown) => answer({ id: request.id, error: told(error), last: true }));
  });
}

function told(error: unknown): NonNullable<Answer["error"]> {
  const {
    code = "ERR_STORE_UNAVAILABLE",
    message,
    retryable = false,
  } = error as Partial<NetloomError> & Error;
  return { code, message, retryable };
}

/** A store that another process serves by {@link serveStore}. */
export function connectStore(path: string): Store {
  return new RemoteStore(path);
}

class RemoteStore implements Store {
  readonly name = "remote";
  readonly #socket: Socket;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #next = 1;

  constructor(path: string) {
    this.#socket = connect(path);
    this.#socket.on("close", () => {
      const error = { code: "ERR_STORE_UNAVAILABLE", message: "the store is gone", retryable: true };
      for (const [id, tell] of this.#pending) tell({ id, error, last: true });
    });
    const lines = createInterface({ input: this.#socket }).on("error", () => undefined);
    lines.on("line", (line) => {
      const answer = JSON.parse(line) as Answer;
      this.#pending.get(answer.id)?.(answer);
      if (answer.last === true) this.#pending.delete(answer.id);
    });
  }

  get: Store["get"] = (key) => this.#ask("get", key);
  list: Store["list"] = (prefix) => this.#ask("list", prefix);
  create: Store["create"] = (key, value, options) => this.#ask("create", key, value, plain(options));
  update: Store["update"] = (key, value, options) => this.#ask("update", key, value, plain(options));
  delete: Store["delete"] = (key, options) => this.#ask("delete", key, plain(options) ?? {});

  async *watch(
    prefix: string,
    { from, signal }: { readonly from: number; readonly signal?: AbortSignal },
  ): AsyncGenerator<ChangeBatch, void, undefined> {
    const waiting: Answer[] = [];
    let wake = (): void => undefined;
    const id = this.#send("watch", [prefix, { from }], (answer) => {
      waiting.push(answer);
      wake();
    });
    const stop = (): void => wake();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      for (;;) {
        if (signal?.aborted === true) return;
        const answer = waiting.shift();
        if (answer === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (answer.error !== undefined) throw failure(answer.error);
        else if (answer.last === true) return;
        else yield answer.value as ChangeBatch;
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#pending.delete(id);
      void this.#ask("end", String(id)).catch(() => undefined);
    }
  }

  async session({ ttl }: { readonly ttl: number }): Promise<Session> {
    const lost = new AbortController();
    const id = await new Promise<string>((resolve, reject) => {
      this.#send("session", [ttl], ({ value, error, last }) => {
        if (error !== undefined) reject(failure(error));
        else if (last === true) lost.abort();
        else resolve(value as string);
      });
    });
    return {
      id,
      lost: lost.signal,
      [Symbol.asyncDispose]: async () => void (await this.#ask("end", id)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #ask<T>(call: Request["call"], ...args: readonly unknown[]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#send(call, args, ({ value, error }) => {
        if (error === undefined) resolve(value as T);
        else reject(failure(error));
      });
    });
  }

  #send(call: Request["call"], args: readonly unknown[], tell: (answer: Answer) => void): number {
    const id = this.#next++;
    this.#pending.set(id, tell);
    this.#socket.write(`${JSON.stringify({ id, call, args })}\n`);
    return id;
  }
}

function failure({ code, message, retryable }: NonNullable<Answer["error"]>): NetloomError {
  return new NetloomError(code, message, { backend: "remote", retryable });
}

/** What can travel: a session by its name, no signal. */
function plain(options: object | undefined): object | undefined {
  if (options === undefined) return undefined;
  const { session, signal: _, ...rest } = options as { session?: Session; signal?: AbortSignal };
  return session === undefined ? rest : { ...rest, session: session.id };
}
