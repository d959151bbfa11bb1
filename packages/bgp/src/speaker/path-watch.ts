import type { FailureDetection } from "../api/config.ts";
import type { FailureDetector, WatchedPath } from "./failure-detector.ts";

export interface PathWatchOptions {
  /** `undefined`: there is none, and nothing is watched. */
  readonly detector: FailureDetector | undefined;
  readonly onDown: () => void;
  readonly report: (error: unknown) => void;
}

/** The watch over the path to a peer, while its session stands. One that cannot be had is reported: the session goes on. */
export class PathWatch {
  readonly #options: PathWatchOptions;
  #watch: Disposable | undefined;

  constructor(options: PathWatchOptions) {
    this.#options = options;
  }

  start(path: WatchedPath, detection: FailureDetection | undefined): void {
    this.stop();
    const { detector, onDown, report } = this.#options;
    if (detection === undefined || detector === undefined) return;
    try {
      this.#watch = detector.watch(path, detection, (state) => {
        if (state === "down") onDown();
      });
    } catch (error) {
      report(error);
    }
  }

  stop(): void {
    const watch = this.#watch;
    this.#watch = undefined;
    try {
      watch?.[Symbol.dispose]();
    } catch (error) {
      this.#options.report(error);
    }
  }
}
