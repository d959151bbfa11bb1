import type { Rtnl, Subscription } from "@netloom/netlink";

/**
 * Waits for devices: the cloud says that an interface is attached before, or after, the node has its device. What goes
 * wrong is left to the next audit.
 */
export class Arrivals implements Disposable {
  readonly #rtnl: Rtnl;
  readonly #arrived: () => Promise<void>;
  #links: Subscription | undefined;
  #known: ReadonlyMap<string, number> = new Map();
  #wanted: ReadonlySet<string> = new Set();

  /** @param arrived - a device that is wanted has come, or another has come in its place. */
  constructor(rtnl: Rtnl, arrived: () => Promise<void>) {
    this.#rtnl = rtnl;
    this.#arrived = arrived;
  }

  /** By MAC. Nothing is listened to where nobody is expected. To be called before one looks who is there. */
  expect(wanted: Iterable<string>): void {
    this.#wanted = new Set(wanted);
    if (this.#wanted.size === 0) this[Symbol.dispose]();
    else if (this.#links === undefined) {
      this.#links = this.#rtnl.subscribe(["link"]);
      this.#listen(this.#links).catch(() => undefined);
    }
  }

  /** @param known - the index of the device of each that is there, by MAC. */
  found(known: ReadonlyMap<string, number>): void {
    this.#known = known;
  }

  async #listen(links: Subscription): Promise<void> {
    for await (const event of links) {
      if (event.type !== "resync" && event.type !== "link:changed") continue;
      const news = event.type === "resync" || this.#isNews(event.link);
      if (news) await this.#arrived().catch(() => undefined);
    }
  }

  #isNews({ mac, index }: { readonly mac: string | undefined; readonly index: number }): boolean {
    return mac !== undefined && this.#wanted.has(mac) && this.#known.get(mac) !== index;
  }

  [Symbol.dispose](): void {
    this.#links?.close();
    this.#links = undefined;
  }
}
