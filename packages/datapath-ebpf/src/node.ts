import { cidrAround, parseAddress } from "@netloom/core";
import { Netns, Rtnl, type Link } from "@netloom/netlink";
import { kernel, refused } from "./errors.ts";

/** The node's network namespace, and a handle on its devices and routes. */
export class NodeNetwork implements Disposable {
  readonly netns: Netns;
  readonly rtnl: Rtnl;
  readonly #own: boolean;

  constructor(netns: string | Netns | undefined) {
    this.#own = typeof netns === "string";
    this.netns = kernel("open the node's network namespace", () =>
      netns === undefined ? Netns.home : typeof netns === "string" ? Netns.open(netns) : netns,
    );
    this.rtnl = kernel("open a netlink socket", () => Rtnl.open({ netns: this.netns }));
  }

  /**
   * The device towards the fabric.
   *
   * @throws {@link NetloomError} `ERR_OPTIONS_INVALID` where there is none, or several.
   */
  uplink(name: string | undefined, addresses: readonly string[]): Link {
    if (name !== undefined) {
      const link = this.rtnl.links.find(name);
      if (link !== undefined) return link;
      const known = this.rtnl.links.list().map((other) => other.name);
      throw unusable(`there is no device ${name}`, name, `the node has ${known.join(", ")}`);
    }
    const bare = (text: string): string => text.slice(0, text.indexOf("/"));
    const found = this.rtnl.addresses.list().filter(({ address }) => addresses.includes(bare(address)));
    const devices = [...new Set(found.map(({ device }) => device))];
    const [device] = devices;
    const shown = addresses.join(" or ");
    if (device === undefined) {
      throw unusable(
        `no device has ${shown}`,
        addresses,
        "give the node's address as its device has it, or the option uplink",
      );
    }
    if (devices.length > 1)
      throw unusable(`several devices have ${shown}`, addresses, "name one by the option uplink");
    return this.rtnl.links.get(device);
  }

  /** What is on link at a device, by its addresses. */
  networksOf({ index }: Link): readonly string[] {
    const addresses = this.rtnl.addresses.list({ device: index }).filter(({ scope }) => scope === "universe");
    const networks = addresses.map(({ address }) => {
      const slash = address.indexOf("/");
      return cidrAround(parseAddress(address.slice(0, slash)), Number(address.slice(slash + 1)));
    });
    // One whose prefix is all of it has nobody beside it.
    const shared = networks.filter((network) => network.size > 1);
    return [...new Set(shared.map((network) => network.toString()))].sort();
  }

  [Symbol.dispose](): void {
    this.rtnl.close();
    if (this.#own) this.netns.close();
  }
}

function unusable(what: string, input: unknown, remedy: string): Error {
  return refused("ERR_OPTIONS_INVALID", what, { input, remedy });
}
