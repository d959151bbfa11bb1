import type { Handler } from "./http.ts";

/** What this service was there for before it had a network: it keeps notes. */
export class Notes {
  readonly #notes = new Map<string, string>();

  get size(): number {
    return this.#notes.size;
  }

  readonly handler: Handler = async ({ method, path, body }) => {
    const name = /^\/notes\/(.+)$/.exec(path)?.[1];
    if (name === undefined) return undefined;
    if (method === "PUT") this.#notes.set(name, body);
    else if (method !== "GET") return { status: 405 };
    const note = this.#notes.get(name);
    return note === undefined ? { status: 404 } : { status: 200, body: note };
  };
}
