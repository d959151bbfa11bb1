import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Family, PeerStatus } from "@netloom/bgp";

/** A small text that outlives the process. */
export interface StateFile {
  /** `undefined` where nothing was written. */
  read(): Promise<string | undefined>;
  /** Whole or not at all. */
  write(text: string): Promise<void>;
}

/** What peers may keep for us: sessions that were up, and would be again within the restart time. */
interface Remembered {
  readonly version: 1;
  /** Which start of the machine: forwarding does not survive another. */
  readonly boot: string;
  readonly sessions: Readonly<Record<string, readonly Family[]>>;
}

/**
 * Remembers what graceful restart needs (RFC 4724 section 4.1): whether this process takes the place of one whose routes
 * the peers keep. Without a memory it never says so: the Restart State bit on a first start makes peers wait for nothing.
 */
export class RestartState {
  readonly #file: StateFile;
  readonly #boot: string;
  readonly #sessions = new Map<string, readonly Family[]>();
  #writing: Promise<void> = Promise.resolve();
  #written: string | undefined;

  /** @param boot - another text after each start of the machine. */
  constructor(file: StateFile, boot: string) {
    this.#file = file;
    this.#boot = boot;
  }

  /** Before the speaker starts: were sessions up when the process before this one ended? What cannot be read: no. */
  async isRestart(): Promise<boolean> {
    const remembered = parse(await this.#file.read());
    if (remembered === undefined || remembered.boot !== this.#boot) return false;
    for (const [peer, families] of Object.entries(remembered.sessions)) this.#sessions.set(peer, families);
    return this.#sessions.size > 0;
  }

  /** A peer is as it is now. A session that fails stays remembered: the peer keeps the routes for a while. */
  async heard(status: PeerStatus): Promise<void> {
    if (status.state !== "established") return;
    if (status.capabilities.includes("graceful-restart")) {
      this.#sessions.set(
        status.name,
        status.families.map(({ family }) => family),
      );
    } else this.#sessions.delete(status.name);
    await this.#save();
  }

  /** The peer is no peer any more, or was told that we go. */
  async forget(peer?: string): Promise<void> {
    if (peer === undefined) this.#sessions.clear();
    else this.#sessions.delete(peer);
    await this.#save();
  }

  async #save(): Promise<void> {
    const remembered: Remembered = {
      version: 1,
      boot: this.#boot,
      sessions: Object.fromEntries([...this.#sessions].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
    const text = `${JSON.stringify(remembered)}\n`;
    if (text === this.#written) return this.#writing;
    this.#written = text;
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#file.write(text));
    return this.#writing;
  }
}

function parse(text: string | undefined): Remembered | undefined {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Remembered> | null;
    const fits =
      value?.version === 1 &&
      typeof value.boot === "string" &&
      typeof value.sessions === "object" &&
      value.sessions !== null;
    return fits ? (value as Remembered) : undefined;
  } catch {
    return undefined;
  }
}

/** A file `<name>.json` in a directory, which is made where it is missing. For nobody else's eyes. */
export function stateFile(directory: string, name: string): StateFile {
  const path = join(directory, `${name}.json`);
  return {
    async read() {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(text) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const next = `${path}.${randomUUID()}`;
      try {
        await writeFile(next, text, { mode: 0o600 });
        await rename(next, path);
      } catch (error) {
        await rm(next, { force: true });
        throw error;
      }
    },
  };
}

/** Linux's name for this start of the machine; empty where there is none. */
export async function bootId(): Promise<string> {
  const text = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return text.trim();
}
