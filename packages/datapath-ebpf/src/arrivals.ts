import type { Rtnl, Subscription } from "@netloom/netlink";

/**
 * Waits for devices: the cloud says that an interface is attached before, or after, the node has its device. What goes
 * wrong is left to the next audit.
 */
export class Arrivals implements Disposable {
  readonly #links: Subscription;
  #known: ReadonlyMap<string, number> = new Map();
  #wanted: ReadonlySet<string> = new Set();

  /** @param arrived - a device that is wanted has come, or another has come in its place. */
  constructor(rtnl: Rtnl, arrived: () => Promise<void>) {
    this.#links = rtnl.subscribe(["link"]);
    void this.#listen(arrived);
  }

  /** @param known - the index of the device of each that is there. Both by MAC */
  expect(wanted: Iterable<string>, known: ReadonlyMap<string, number>): void {
    this.#wanted = new Set(wanted);
    this.#known = known;
  }

  async #listen(arrived: () => Promise<void>): Promise<void> {
    for await (const event of this.#links) {
      if (event.type !== "resync" && event.type !== "link:changed") continue;
      const news = event.type === "resync" || this.#isNews(event.link);
      if (news) await arrived().catch(() => undefined);
    }
  }

  #isNews({ mac, index }: { readonly mac: string | undefined; readonly index: number }): boolean {
    return mac !== undefined && this.#wanted.has(mac) && this.#known.get(mac) !== index;
  }

  [Symbol.dispose](): void {
    this.#links.close();
  }
}
