/** For how long requests of one action had to wait, or were refused. */
export interface Stall {
  readonly action: string;
  /** The node that waited first: from 1. */
  readonly node: number;
  /** When it began, in seconds after the beginning. */
  readonly at: number;
  /** From then until the last request that had waited was let through. */
  readonly seconds: number;
  /** Requests that had to wait, or were refused. */
  readonly requests: number;
}

interface Span {
  readonly node: number;
  readonly from: number;
  readonly to: number;
  readonly requests: number;
}

/** Gathers who waited for what, in milliseconds since the beginning. */
export class Stalls {
  readonly #spans = new Map<string, Span>();

  note(action: string, node: number, from: number, to: number): void {
    const known = this.#spans.get(action);
    if (known === undefined) return void this.#spans.set(action, { node, from, to, requests: 1 });
    const first = from < known.from ? { node, from } : { node: known.node, from: known.from };
    this.#spans.set(action, { ...first, to: Math.max(known.to, to), requests: known.requests + 1 });
  }

  /** The longest first. */
  list(): readonly Stall[] {
    return [...this.#spans]
      .map(([action, { node, from, to, requests }]) => ({
        action,
        node,
        at: from / 1000,
        seconds: (to - from) / 1000,
        requests,
      }))
      .toSorted((a, b) => b.seconds - a.seconds || (a.action < b.action ? -1 : 1));
  }
}
