/** How many of the last steps are kept as text. */
const KEPT = 60;

/**
 * What happened, as one number: the same seed and the same code give the same. The last steps are kept as text, for
 * people.
 */
export class Trace {
  #low = 0x811c9dc5;
  #high = 0x1234567;
  readonly #recent: string[] = [];
  #next = 0;

  add(text: string): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x85ebca6b);
    }
    this.#low = low;
    this.#high = high ^ (low >>> 7);
    this.#recent[this.#next] = text;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    const part = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return part(this.#high) + part(this.#low);
  }

  /** Oldest first. */
  get recent(): readonly string[] {
    return [...this.#recent.slice(this.#next), ...this.#recent.slice(0, this.#next)];
  }
}
