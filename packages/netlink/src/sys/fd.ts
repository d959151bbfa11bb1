import { closeSync } from "node:fs";
import { closed } from "../errors.ts";

/**
 * Closes what was dropped without `close()`, and says so: a mistake of the caller's need not become a leak
 * of the process.
 */
const dropped = new FinalizationRegistry<{ readonly fd: number; readonly what: string }>(({ fd, what }) => {
  process.emitWarning(`a ${what} was garbage-collected without being closed`, "NetlinkWarning");
  closeSync(fd);
});

/** A file descriptor with one owner. */
export class Fd {
  readonly #what: string;
  #fd: number;

  constructor(fd: number, what: string) {
    this.#fd = fd;
    this.#what = what;
    dropped.register(this, { fd, what }, this);
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * The number.
   *
   * @throws {@link NetlinkError} `ERR_CLOSED` after {@link close}, for the number may be someone else's by
   * then.
   */
  get value(): number {
    if (this.#fd < 0) throw closed(this.#what);
    return this.#fd;
  }

  /** May be called again. */
  close(): void {
    if (this.#fd < 0) return;
    dropped.unregister(this);
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }
}
