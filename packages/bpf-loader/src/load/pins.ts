import { renameSync } from "node:fs";
import { join } from "node:path";
import { ERRNO } from "../errors.ts";
import { compareSpec, mismatchError } from "../maps/compare.ts";
import type { MapMismatch } from "../maps/compare.ts";
import { pinFd, unpin } from "../maps/handle.ts";
import { readMapInfo } from "../maps/info.ts";
import { isBpfError } from "../errors.ts";
import { openPin } from "../maps/open.ts";
import type { MapSpec, ObjectSpec } from "../spec/types.ts";
import type { Fd } from "../sys/fd.ts";
import type { Sys } from "../sys/sys.ts";

/** What to do about a pinned map that does not fit: nothing, or start a new one in its place. */
export type OnIncompatiblePin = "error" | "replace" | ((mismatch: MapMismatch) => "error" | "replace");

/**
 * The pins of one load. Existing ones are looked at before anything is created; new ones appear at the very end,
 * once everything has loaded, so that a failed load leaves no trace.
 */
export class Pins {
  readonly #sys: Sys;
  readonly #directory: string;
  readonly #onIncompatible: OnIncompatiblePin;
  readonly #pending: { readonly name: string; readonly fd: Fd; readonly replace: boolean }[] = [];
  readonly #replaced = new Set<string>();

  constructor(sys: Sys, directory: string, onIncompatible: OnIncompatiblePin) {
    this.#sys = sys;
    this.#directory = directory;
    this.#onIncompatible = onIncompatible;
  }

  /** The pinned map, if there is one and it fits. @throws {@link BpfError} `ERR_PIN_LAYOUT`. */
  find(map: MapSpec, spec: ObjectSpec): Fd | undefined {
    const path = join(this.#directory, map.name);
    let fd: Fd;
    try {
      fd = openPin(this.#sys, path, `map ${map.name}`);
    } catch (error) {
      if (isBpfError(error) && error.errno === ERRNO.ENOENT) return undefined;
      throw error;
    }
    try {
      const mismatch = compareSpec(this.#sys, map, spec.btf, readMapInfo(fd));
      if (mismatch === undefined) return fd;
      const choice = this.#onIncompatible;
      if ((typeof choice === "string" ? choice : choice(mismatch)) === "error")
        throw mismatchError(mismatch, path);
    } catch (error) {
      fd.close();
      throw error;
    }
    fd.close();
    this.#replaced.add(map.name);
    return undefined;
  }

  /** Remembers to pin a new map. */
  add(name: string, fd: Fd): void {
    this.#pending.push({ name, fd, replace: this.#replaced.has(name) });
  }

  /** Pins what was added: all of it, or nothing. */
  commit(): void {
    const done: string[] = [];
    try {
      for (const { name, fd, replace } of this.#pending) {
        const path = join(this.#directory, name);
        // A replacement is pinned aside and moved over the old pin: whoever opens the path finds one or the other.
        const first = replace ? `${path}_replacement` : path;
        if (replace) unpin(first);
        pinFd(fd, first);
        done.push(first);
      }
    } catch (error) {
      for (const path of done) unpin(path);
      throw error;
    }
    for (const { name, replace } of this.#pending) {
      const path = join(this.#directory, name);
      if (replace) renameSync(`${path}_replacement`, path);
    }
  }
}
