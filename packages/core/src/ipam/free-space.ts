import { Bitmap } from "./bitmap.ts";

/** Which of the numbers from 0 to `capacity - 1` are free. */
export interface FreeSpace {
  readonly free: number;
  /** Takes a free number, the first at or after `start` (wrapping round) among the ones to prefer; -1 when none is. */
  take(start: number): number;
  /** Takes this one. @returns whether it was free. */
  claim(n: number): boolean;
  /** Gives one back that was taken. */
  release(n: number): void;
}

/**
 * A free space that reuses late: what comes back waits until everything else that is free has been handed out,
 * and then all that waited takes its turn. Both steps cost the same however full the space is.
 */
export class RotatingSpace implements FreeSpace {
  #ready: Bitmap;
  #waiting: Bitmap | undefined;

  constructor(capacity: number) {
    this.#ready = new Bitmap(capacity, true);
  }

  get free(): number {
    return this.#ready.size + (this.#waiting?.size ?? 0);
  }

  take(start: number): number {
    if (this.#ready.size === 0) this.#rotate();
    const after = this.#ready.next(start);
    const n = after < 0 ? this.#ready.next(0) : after;
    if (n >= 0) this.#ready.delete(n);
    return n;
  }

  claim(n: number): boolean {
    return this.#ready.delete(n) || this.#waiting?.delete(n) === true;
  }

  release(n: number): void {
    this.#waiting ??= new Bitmap(this.#ready.capacity);
    this.#waiting.add(n);
  }

  #rotate(): void {
    if (this.#waiting === undefined) return;
    [this.#ready, this.#waiting] = [this.#waiting, this.#ready];
  }
}

/**
 * A free space far larger than what will ever be taken from it, such as an IPv6 /64: nothing is kept but what the
 * caller already knows of the numbers taken. Looking at a few numbers from a random start finds a free one.
 */
export class VastSpace implements FreeSpace {
  readonly #capacity: number;
  readonly #isTaken: (n: number) => boolean;
  #taken = 0;

  constructor(capacity: number, isTaken: (n: number) => boolean) {
    this.#capacity = capacity;
    this.#isTaken = isTaken;
  }

  get free(): number {
    return this.#capacity - this.#taken;
  }

  take(start: number): number {
    if (this.free === 0) return -1;
    let n = start;
    while (this.#isTaken(n)) n = (n + 1) % this.#capacity;
    this.#taken++;
    return n;
  }

  claim(n: number): boolean {
    if (this.#isTaken(n)) return false;
    this.#taken++;
    return true;
  }

  release(): void {
    this.#taken--;
  }
}
