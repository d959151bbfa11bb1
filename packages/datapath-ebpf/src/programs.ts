import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { attachTcx, isBpfError, load, parseObject, type Collection, type Program } from "@netloom/bpf-loader";
import { parseAddress, type DatapathContext, type HookName } from "@netloom/core";
import { encodeConfig, ofFamily, programs } from "@netloom/core/backend";
import type { Netns } from "@netloom/netlink";
import { kernel, kernelAsync } from "./errors.ts";
import type { EbpfConfig } from "./options.ts";
import { DIRECTIONS, openLink, removePin, type Pins, type Place } from "./pins.ts";

const OBJECT = new URL("../objects/netloom.bpf.o", import.meta.url);

/** Milliseconds before the last attempt. */
const MOST_WAIT = 512;

const PROGRAMS: Readonly<Record<HookName, string>> = {
  "from-container": programs.fromContainer,
  "to-container": programs.toContainer,
  "from-overlay": programs.fromOverlay,
  "from-netdev": programs.fromNetdev,
  "to-netdev": programs.toNetdev,
};

/** The node's devices by their numbers, which the programs bear as constants; 0: none. */
export interface NodeDevices {
  readonly uplink: number;
  readonly host: number;
  readonly overlay: number;
  /** UDP port of the overlay. */
  readonly port: number | undefined;
}

export interface ProgramsOptions {
  readonly config: EbpfConfig;
  readonly context: DatapathContext;
  readonly netns: Netns;
  readonly pins: Pins;
  readonly devices: NodeDevices;
  readonly signal?: AbortSignal | undefined;
}

/** The programs of one node: loaded once for all its pods, attached by links that are pinned. */
export class Programs implements Disposable {
  readonly collection: Collection;
  readonly #netns: Netns;
  readonly #pins: Pins;
  readonly #devices: NodeDevices;

  private constructor(collection: Collection, { netns, pins, devices }: ProgramsOptions) {
    this.collection = collection;
    this.#devices = devices;
    this.#netns = netns;
    this.#pins = pins;
  }

  /**
   * Loads the object for this node; maps that are pinned are taken as they are.
   *
   * @throws `ERR_PIN_LAYOUT`, `ERR_BPF_VERIFIER`, `ERR_OBJECT_CORRUPT`, `ERR_PERMISSION`, `ERR_SYSCALL`: then no pin
   * has appeared.
   */
  static async load(options: ProgramsOptions): Promise<Programs> {
    const { config, context, pins, signal } = options;
    const bytes = config.object ?? new Uint8Array(readFileSync(OBJECT));
    const spec = kernel("read the datapath's object file", () => parseObject(bytes, { name: "netloom" }));
    const constants = encodeConfig({
      nodeIpv4: ipv4(context.addresses),
      routerIpv4: ipv4(context.routers),
      uplinkIfindex: options.devices.uplink,
      hostIfindex: options.devices.host,
      overlayIfindex: options.devices.overlay,
      worldIdentity: context.worldIdentity,
      masquerade: Number(config.masquerade),
      allowLocalHost: Number(context.allowLocalHost),
      ...(options.devices.port === undefined ? {} : { overlayPort: options.devices.port }),
    });
    const collection = await kernelAsync("load the datapath", () =>
      load(spec.with({ config: constants, maxEntries: config.maxEntries }), {
        pinPath: pins.maps,
        ...(signal === undefined ? {} : { signal }),
      }),
    );
    return new Programs(collection, options);
  }

  /** Whether they were loaded for these devices. */
  serve({ uplink, host, overlay, port }: NodeDevices): boolean {
    const own = this.#devices;
    return uplink === own.uplink && host === own.host && overlay === own.overlay && port === own.port;
  }

  async attachToNode(): Promise<void> {
    const { uplink, overlay } = this.#devices;
    await this.attach("uplink", uplink, "from-netdev");
    await this.attach("uplink", uplink, "to-netdev");
    if (overlay !== 0) await this.attach("overlay", overlay, "from-overlay");
  }

  program(hook: HookName): Program {
    return this.collection.program(PROGRAMS[hook]);
  }

  /** Attaches to a device; where a link of ours is there already, it gets the new program, and no packet waits. */
  async attach(place: Place, ifindex: number, hook: HookName): Promise<void> {
    for (let wait = 1; ; wait *= 2) {
      try {
        this.#attach(place, ifindex, hook);
        return;
      } catch (error) {
        // A link whose pin somebody has removed takes the kernel a moment to forget.
        if (wait > MOST_WAIT || !isThere(error)) throw error;
        await delay(wait);
      }
    }
  }

  #attach(place: Place, ifindex: number, hook: HookName): void {
    const path = this.#pins.linkPath(place, hook);
    kernel(`attach ${hook} to ${place}`, () => {
      if (this.#update(path, hook, ifindex)) return;
      const where = { dev: ifindex, direction: DIRECTIONS[hook], netns: this.#netns };
      using link = attachTcx(this.program(hook), where);
      link.pin(path);
    });
  }

  /** Removes the links of a pod's interface that is gone. */
  forget(place: Place): void {
    this.#pins.removeLink(place, "from-container");
    this.#pins.removeLink(place, "to-container");
  }

  /** Gives every link that is pinned the program of this load, and forgets those whose device is gone. */
  adopt(): void {
    for (const { path, hook } of this.#pins.links()) {
      kernel(`replace ${hook} at ${path}`, () => this.#update(path, hook));
    }
  }

  [Symbol.dispose](): void {
    this.collection.close();
  }

  /** `false` where there is no such link; one on a device that is gone, or on another, is removed. */
  #update(path: string, hook: HookName, wanted?: number): boolean {
    using link = openLink(path);
    if (link === undefined) return false;
    const { ifindex = 0 } = link.info();
    if (ifindex === 0 || (wanted !== undefined && wanted !== ifindex)) {
      removePin(path);
      return false;
    }
    link.update(this.program(hook));
    return true;
  }
}

/** This very program is attached to the device, by a link that is not ours any more. */
function isThere(error: unknown): boolean {
  const { cause } = error as Error;
  return isBpfError(cause) && cause.syscall === "BPF_LINK_CREATE" && cause.errno === constants.errno.EEXIST;
}

/** As the number that a big-endian field holds. */
function ipv4(addresses: readonly string[]): number {
  const address = ofFamily(addresses, 4);
  return address === undefined ? 0 : parseAddress(address).w3;
}
