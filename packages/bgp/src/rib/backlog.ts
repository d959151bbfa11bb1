import type { Feed } from "./feed.ts";

/** Something about all routes of a source that is done in pieces. */
export interface Job {
  readonly feed: Feed;
  /** Does a piece, of at most so many prefixes; returns whether there is more. */
  run(limit: number): boolean;
  /** It will not be run again, though there is more. */
  cancel?(): void;
}

type JobClass = new (...args: never[]) => Job;

/** What is left to do, first come, first served. */
export class Backlog {
  /** Prefixes gone through at once; `undefined`: all there are. */
  readonly #slice: number | undefined;
  readonly #jobs: Job[] = [];

  constructor(slice: number | undefined) {
    this.#slice = slice;
  }

  get length(): number {
    return this.#jobs.length;
  }

  /** Is there something left of this kind to do? */
  has(kind: JobClass): boolean {
    return this.#jobs.some((job) => job instanceof kind);
  }

  /** Is there something left to do about a source? */
  waits(feed: Feed): boolean {
    return this.#jobs.some((job) => job.feed === feed);
  }

  /** Does it now where it is about few prefixes, otherwise when it is its turn. */
  add(job: Job, prefixes: number): void {
    if (this.#slice === undefined || prefixes <= this.#slice) while (job.run(Infinity));
    else this.#jobs.push(job);
  }

  work(): void {
    const [first] = this.#jobs;
    if (first !== undefined && !first.run(this.#slice ?? Infinity)) this.#remove(first);
  }

  /** Does now what is left of this kind for a source. */
  finish(feed: Feed, kind: JobClass): void {
    for (const job of this.#of(feed, kind)) {
      while (job.run(Infinity));
      this.#remove(job);
    }
  }

  /** Nothing of this kind is left to do for a source. */
  cancel(feed: Feed, kind: JobClass): void {
    for (const job of this.#of(feed, kind)) {
      this.#remove(job);
      job.cancel?.();
    }
  }

  #of(feed: Feed, kind: JobClass): readonly Job[] {
    return this.#jobs.filter((job) => job.feed === feed && job instanceof kind);
  }

  #remove(job: Job): void {
    const at = this.#jobs.indexOf(job);
    if (at >= 0) this.#jobs.splice(at, 1);
  }
}
