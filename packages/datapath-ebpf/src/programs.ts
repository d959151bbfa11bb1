import { mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import {
  attachTcx,
  load,
  openPinnedLink,
  parseObject,
  type Collection,
  type Direction,
  type Program,
} from "@netloom/bpf-loader";
import { parseAddress, type DatapathContext, type HookName } from "@netloom/core";
import { encodeConfig, ofFamily, programs } from "@netloom/core/backend";
import { kernel, kernelAsync } from "./errors.ts";
import type { NodeNetwork } from "./node.ts";
import type { EbpfConfig } from "./options.ts";

/** Each hook's program, and the side of the device it sits on. */
const HOOKS: Readonly<Record<HookName, { readonly program: string; readonly direction: Direction }>> = {
  "from-container": { program: programs.fromContainer, direction: "ingress" },
  "to-container": { program: programs.toContainer, direction: "egress" },
  "from-overlay": { program: programs.fromOverlay, direction: "ingress" },
  "from-netdev": { program: programs.fromNetdev, direction: "ingress" },
  "to-netdev": { program: programs.toNetdev, direction: "egress" },
};

const OBJECT = new URL("../objects/netloom.bpf.o", import.meta.url);

export interface NodeDevices {
  readonly uplink: number;
  /** 0: none. */
  readonly overlay: number;
}

/** The programs of one node: loaded once for all its pods, attached by links that are pinned. */
export class Programs implements Disposable {
  readonly collection: Collection;
  readonly #network: NodeNetwork;
  readonly #pinPath: string;

  private constructor(collection: Collection, network: NodeNetwork, pinPath: string) {
    this.collection = collection;
    this.#network = network;
    this.#pinPath = pinPath;
  }

  /**
   * Loads the object for this node; maps that are pinned are taken as they are.
   *
   * @throws `ERR_PIN_LAYOUT`, `ERR_BPF_VERIFIER`, `ERR_OBJECT_CORRUPT`, `ERR_PERMISSION`, `ERR_SYSCALL`.
   */
  static async load(
    network: NodeNetwork,
    config: EbpfConfig,
    pinPath: string,
    context: DatapathContext,
    devices: NodeDevices,
    signal?: AbortSignal,
  ): Promise<Programs> {
    const bytes = config.object ?? new Uint8Array(readFileSync(OBJECT));
    const spec = kernel("read the datapath's object file", () =>
      parseObject(bytes, { name: "netloom.bpf.o" }),
    );
    const constants = encodeConfig({
      nodeIpv4: ipv4(ofFamily(context.addresses, 4)),
      routerIpv4: ipv4(ofFamily(context.routers, 4)),
      uplinkIfindex: devices.uplink,
      overlayIfindex: devices.overlay,
      worldIdentity: context.worldIdentity,
      masquerade: config.masquerade ? 1 : 0,
      allowLocalHost: context.allowLocalHost ? 1 : 0,
      ...(context.plan.overlay === undefined ? {} : { overlayPort: context.plan.overlay.port }),
    });
    const collection = await kernelAsync("load the datapath", () =>
      load(spec.with({ config: constants, maxEntries: config.maxEntries }), {
        pinPath,
        ...(signal === undefined ? {} : { signal }),
      }),
    );
    mkdirSync(join(pinPath, "links"), { recursive: true });
    return new Programs(collection, network, pinPath);
  }

  program(hook: HookName): Program {
    return this.collection.program(HOOKS[hook].program);
  }

  /** Attaches to a device; where a link of ours is there already, it gets the new program, and no packet waits. */
  attach(device: { readonly name: string; readonly index: number }, hook: HookName): void {
    const path = this.#linkPath(device.name, hook);
    kernel(`attach ${hook} to ${device.name}`, () => {
      if (this.#updated(path, device.index, hook)) return;
      const { direction } = HOOKS[hook];
      using link = attachTcx(this.program(hook), {
        dev: device.index,
        direction,
        netns: this.#network.netns,
      });
      link.pin(path);
    });
  }

  /** Removes the pins of a device that is going; with the last of them the link goes too. */
  detach(device: string): void {
    for (const hook of Object.keys(HOOKS) as HookName[]) removeFile(this.#linkPath(device, hook));
  }

  /** Gives every link that is pinned the program of this load, and forgets those whose device is gone. */
  adopt(): void {
    for (const file of readdirSync(join(this.#pinPath, "links"))) {
      const hook = (Object.keys(HOOKS) as HookName[]).find((name) => file.endsWith(`-${name}`));
      if (hook === undefined) continue;
      const path = join(this.#pinPath, "links", file);
      kernel(`replace ${hook} of ${file}`, () => {
        if (!this.#updated(path, undefined, hook)) removeFile(path);
      });
    }
  }

  [Symbol.dispose](): void {
    this.collection.close();
  }

  /** `false` where there is no such link, or it belongs to a device that is gone. */
  #updated(path: string, ifindex: number | undefined, hook: HookName): boolean {
    let found;
    try {
      found = openPinnedLink(path);
    } catch {
      return false;
    }
    using link = found;
    const there = link.info().ifindex ?? 0;
    if (there === 0 || (ifindex !== undefined && there !== ifindex)) {
      removeFile(path);
      return false;
    }
    link.update(this.program(hook));
    return true;
  }

  #linkPath(device: string, hook: HookName): string {
    return join(this.#pinPath, "links", `${device}-${hook}`);
  }
}

/** Removes every pin of a node. What is not used otherwise goes with it. */
export function removePins(pinPath: string): void {
  const links = join(pinPath, "links");
  for (const directory of [links, pinPath]) {
    for (const file of list(directory)) {
      if (join(directory, file) !== links) removeFile(join(directory, file));
    }
    removeDirectory(directory);
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** As the number that a big-endian field holds. */
function ipv4(address: string | undefined): number {
  return address === undefined ? 0 : parseAddress(address).w3;
}
