import type { Lab } from "@netloom/lab";
import { Rtnl, writeSysctl } from "@netloom/netlink";

/** What an interface of a machine is to the network: its own address, its subnet's router, what else it may bear. */
export interface VpcInterface {
  /** Namespace and device of the machine. */
  readonly machine: string;
  readonly device: string;
  readonly mac: string;
  readonly address: string;
  readonly gateway: string;
  readonly ranges: readonly string[];
  /** Addresses of `ranges` that are in use. */
  readonly pods: readonly string[];
}

/** The namespace of the network. */
const NETWORK = "vpc";

/**
 * A cloud's network: one router, and every interface on a port of its own. It brings what is for an address to the interface
 * that has it, without asking there, and drops what comes from an address at the port of another.
 */
export class Vpc {
  readonly #lab: Lab;
  readonly #rtnl: Rtnl;

  constructor(lab: Lab) {
    const netns = lab.namespace(NETWORK);
    this.#lab = lab;
    this.#rtnl = Rtnl.open({ netns });
    lab.defer(() => this.#rtnl.close());
    writeSysctl(netns, "net.ipv4.ip_forward", 1);
    // Strict: a source is good where the way back to it is by the port that it came in by.
    for (const scope of ["all", "default"]) writeSysctl(netns, `net.ipv4.conf.${scope}.rp_filter`, 1);
  }

  /** Plugs an interface in. The machine's device is down and has no address: that is the machine's to do. */
  attach(one: VpcInterface): void {
    const rtnl = this.#rtnl;
    const netns = this.#lab.namespace(one.machine);
    const peer = { name: one.device, netns, mac: one.mac };
    const port = rtnl.links.create({ kind: "veth", name: portOf(one), up: true, peer }).index;
    const sysctl = `net.ipv4.conf.${portOf(one)}.proxy_arp`;
    writeSysctl(this.#lab.namespace(NETWORK), sysctl, 1);
    writeSysctl(this.#lab.namespace(NETWORK), `net.ipv4.neigh.${portOf(one)}.proxy_delay`, 0);
    rtnl.addresses.add({ device: port, address: `${one.gateway}/32` });
    for (const to of [`${one.address}/32`, ...one.ranges]) rtnl.routes.add({ to, device: port });
    for (const address of [one.address, ...one.pods])
      rtnl.neighbours.add({ device: port, address, mac: one.mac });
  }

  /** The device is gone, on both ends. */
  detach(one: VpcInterface): void {
    this.#rtnl.links.delete(portOf(one));
  }

  /** A machine with one interface, all set. */
  host(machine: string, address: string, gateway: string): void {
    const mac = `02:00:5e:00:${address.split(".").slice(2).map(octet).join(":")}`;
    this.attach({ machine, device: "eth0", mac, address, gateway, ranges: [], pods: [] });
    using rtnl = Rtnl.open({ netns: this.#lab.namespace(machine) });
    rtnl.links.set("eth0", { up: true });
    rtnl.addresses.add({ device: "eth0", address: `${address}/32` });
    rtnl.routes.add({ to: "0.0.0.0/0", via: gateway, device: "eth0", onlink: true });
  }
}

function portOf({ machine, device }: VpcInterface): string {
  return `${machine}-${device}`;
}

function octet(text: string): string {
  return Number(text).toString(16).padStart(2, "0");
}
