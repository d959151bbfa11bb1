import { BpfError, ERRNO } from "../errors.ts";
import type { Sys } from "./sys.ts";

interface Leak {
  readonly sys: Sys;
  readonly fd: number;
  readonly what: string;
}

const forgotten = new FinalizationRegistry<Leak>(({ sys, fd, what }) => {
  process.emitWarning(`${what} was garbage collected without close(); its descriptor ${fd} is closed now`, {
    type: "BpfLeakWarning",
  });
  sys.close(fd);
});

/** A file descriptor with one owner. Closing twice is fine; using it after is `ERR_CLOSED`. */
export class Fd {
  readonly sys: Sys;
  /** What it refers to, for messages, e.g. `map endpoints`. */
  readonly what: string;
  readonly #dependents = new Set<() => void>();
  #fd: number;

  constructor(sys: Sys, fd: number, what: string) {
    this.sys = sys;
    this.what = what;
    this.#fd = fd;
    forgotten.register(this, { sys, fd, what }, this);
  }

  /** @throws {@link BpfError} `ERR_CLOSED` after {@link Fd.close}. */
  get number(): number {
    if (this.#fd < 0) throw closedError(this.what);
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** Calls back before the descriptor is closed. Returns how to call that off. */
  onClose(dependent: () => void): () => void {
    this.#dependents.add(dependent);
    return () => void this.#dependents.delete(dependent);
  }

  close(): void {
    if (this.#fd < 0) return;
    for (const dependent of this.#dependents) dependent();
    forgotten.unregister(this);
    this.sys.close(this.#fd);
    this.#fd = -1;
  }
}

export function closedError(what: string): BpfError {
  return new BpfError("ERR_CLOSED", `${what} is closed`, { errno: ERRNO.EBADF, object: what });
}
