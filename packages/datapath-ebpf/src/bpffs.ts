import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { isBpffs, mountBpffs, unmountBpffs } from "@netloom/bpf-loader";
import { isMissing, kernel } from "./errors.ts";

/** A directory that stands on a bpf file system which we mounted: it is ours to unmount, in whichever process. */
const MARK = "mounted-by-netloom";

/** What the kernel itself puts on every new one (`kernel/bpf/preload`). */
const KERNEL_FILES: ReadonlySet<string> = new Set(["maps.debug", "progs.debug"]);

/** Mounts one where there is none. @returns whether it did. */
export function ensureMounted(bpffs: string): boolean {
  const mounted = kernel(`mount a bpf file system at ${bpffs}`, () => mountBpffs(bpffs));
  if (mounted) mkdirSync(join(bpffs, MARK));
  return mounted;
}

/** Unmounts what {@link ensureMounted} mounted, once nobody's pins are left on it. */
export function unmountIfOurs(bpffs: string): void {
  if (!isBpffs(bpffs)) return;
  const there = readdirSync(bpffs).filter((name) => !KERNEL_FILES.has(name));
  if (there.length !== 1 || there[0] !== MARK) return;
  kernel(`unmount ${bpffs}`, () => unmountBpffs(bpffs));
}

/** Removes a directory and those above it, up to `bpffs`, as far as they are empty. */
export function removeEmptyDirectories(directory: string, bpffs: string): void {
  for (let path = directory; path.startsWith(`${bpffs}/`); path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch (error) {
      if (isMissing(error)) continue;
      // Somebody else's pins: theirs to remove.
      if ((error as NodeJS.ErrnoException).code === "ENOTEMPTY") return;
      throw error;
    }
  }
}
