import { createBfd, failureDetector, type Bfd, type FailureDetector } from "@netloom/bfd";

/**
 * BFD for several speakers, in a thread of its own: peers must hear of us while this one is busy. The thread runs while
 * something is watched.
 */
export class SharedBfd {
  readonly #where: { readonly netns?: string };
  /** Whoever watches, and hears of what goes wrong. */
  readonly #watches = new Set<(error: unknown) => void>();
  #bfd: Bfd | undefined;

  constructor(where: { readonly netns?: string }) {
    this.#where = where;
  }

  detector(report: (error: unknown) => void): FailureDetector {
    return {
      watch: (path, options, onChange) => {
        this.#bfd ??= createBfd({
          ...this.#where,
          worker: true,
          onError: (error) => {
            for (const each of new Set(this.#watches)) each(error);
          },
        });
        const watch = failureDetector(this.#bfd).watch(path, options, onChange);
        const mine = (error: unknown): void => report(error);
        this.#watches.add(mine);
        return { [Symbol.dispose]: () => this.#end(watch, mine) };
      },
    };
  }

  #end(watch: Disposable, mine: (error: unknown) => void): void {
    if (!this.#watches.delete(mine)) return;
    watch[Symbol.dispose]();
    if (this.#watches.size > 0) return;
    this.#bfd?.close();
    this.#bfd = undefined;
  }
}
