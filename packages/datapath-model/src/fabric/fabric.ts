import {
  formatAddress,
  ipv4,
  NetloomError,
  parseAddress,
  systemRuntime,
  writeMac,
  type Mac,
  type Runtime,
} from "@netloom/core";
import { ETHERNET_HEADER, ETHERTYPE_IPV4 } from "../walk/packet.ts";
import { Host } from "./host.ts";
import type { ModelPod } from "./pod.ts";
import { ModelRouter, type ModelRouterOptions } from "./router.ts";
import { FLAT, RouteTable, type ModelRoute } from "./routes.ts";

export interface ModelFabricOptions {
  /** @defaultValue the process's clock and chance */
  readonly runtime?: Runtime;
  /** One way, in milliseconds. 0: all that follows from a frame has happened when `send` returns. @defaultValue 0 */
  readonly latency?: number;
  /** The share of frames that are lost, 0 to 1. @defaultValue 0 */
  readonly loss?: number;
  /** The share of frames that come late, behind others. @defaultValue 0 */
  readonly reorder?: number;
  /** Bytes of a packet without its Ethernet header. What is longer is dropped, and counted. @defaultValue 1500 */
  readonly mtu?: number;
  /** Pods answer by a network stack; without, they do nothing but what you send. @defaultValue true */
  readonly stacks?: boolean;
}

/** What has become of frames, all in all. */
export interface FabricCounts {
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  readonly late: number;
  /** Longer than the MTU. */
  readonly tooBig: number;
  /** For an address that nobody on the fabric has, or no IPv4. */
  readonly unroutable: number;
}

/** One plug of the fabric. */
export interface FabricPort {
  readonly mac: Mac;
  /** @param nextHop - who is to have it. @defaultValue whoever has the packet's destination address */
  send(frame: Uint8Array, nextHop?: number): void;
  unplug(): void;
}

/**
 * What connects nodes, in one process: Ethernet frames, with latency, loss, reordering and an MTU. Deterministic as its
 * runtime is.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function modelFabric(options: ModelFabricOptions = {}): ModelFabric {
  const { latency = 0, loss = 0, reorder = 0, mtu = 1500 } = options;
  if (!(latency >= 0)) throw invalid("latency", latency, "write milliseconds, 0 or more");
  for (const [name, share] of Object.entries({ loss, reorder })) {
    if (!(share >= 0 && share <= 1)) throw invalid(name, share, "write a share, 0 to 1");
  }
  if (!Number.isInteger(mtu) || mtu < 68) throw invalid("mtu", mtu, "write 68 or more (RFC 791)");
  return new ModelFabric({
    runtime: options.runtime ?? systemRuntime,
    latency,
    loss,
    reorder,
    mtu,
    stacks: options.stacks ?? true,
  });
}

export class ModelFabric {
  readonly runtime: Runtime;
  readonly mtu: number;
  readonly stacks: boolean;
  readonly #latency: number;
  readonly #loss: number;
  readonly #reorder: number;
  readonly #ports = new Map<number, { readonly mac: Mac; readonly receive: (frame: Uint8Array) => void }>();
  readonly #captures = new Set<(frame: Uint8Array, time: number) => void>();
  readonly #pods = new Map<string, ModelPod>();
  readonly #counts = { sent: 0, delivered: 0, lost: 0, late: 0, tooBig: 0, unroutable: 0 };
  /** What is to happen now, one after another, so that an answer comes after what it answers. */
  readonly #now: (() => void)[] = [];
  #busy = false;
  #onTheWay = 0;
  #waiting: (() => void)[] = [];

  /** @internal Use {@link modelFabric}. */
  constructor(options: Required<ModelFabricOptions>) {
    this.runtime = options.runtime;
    this.mtu = options.mtu;
    this.stacks = options.stacks;
    this.#latency = options.latency;
    this.#loss = options.loss;
    this.#reorder = options.reorder;
  }

  get counts(): FabricCounts {
    return { ...this.#counts };
  }

  /**
   * A machine outside the cluster: plain, with a network stack.
   *
   * @param routes - where it sends what is not for its neighbours, pods say. @defaultValue all are its neighbours
   * @throws `ERR_ADDRESS_INVALID`, `ERR_NODE_EXISTS`.
   */
  host(address: string, { routes }: { readonly routes?: readonly ModelRoute[] } = {}): Host {
    const table = routes === undefined ? FLAT : new RouteTable(routes);
    const host: Host = new Host(
      {
        owns: (other) => other === address,
        addressFor: () => address,
        transmit: (frame) => port.send(frame, table.nextHop(destinationOf(frame))),
      },
      this,
    );
    const port = this.plug(address, (frame) => host.receive(frame));
    return host;
  }

  /** What connects segments. @throws `ERR_ADDRESS_INVALID`, `ERR_NODE_EXISTS`. */
  router(options: ModelRouterOptions): ModelRouter {
    return new ModelRouter(options, (address, receive) => this.plug(address, receive));
  }

  /** A pod of any node. @throws `ERR_ENDPOINT_NOT_FOUND`. */
  pod(name: string): ModelPod {
    const pod = this.#pods.get(name);
    if (pod !== undefined) return pod;
    throw new NetloomError("ERR_ENDPOINT_NOT_FOUND", `no endpoint ${name} is attached to this fabric`, {
      input: name,
      remedy: `attached are: ${[...this.#pods.keys()].join(", ") || "none"}`,
      backend: "model",
    });
  }

  /** Sees every frame on the fabric, as on the wire; until the function it returns is called. */
  capture(listener: (frame: Uint8Array, time: number) => void): () => void {
    this.#captures.add(listener);
    return () => void this.#captures.delete(listener);
  }

  /** Resolves when no frame is on its way: nothing more will come of what has been sent. */
  async quiet(): Promise<void> {
    while (this.#busy || this.#onTheWay > 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** @throws `ERR_NODE_EXISTS` where somebody has the address. */
  plug(address: string, receive: (frame: Uint8Array) => void): FabricPort {
    const key = parseAddress(address).w3;
    if (this.#ports.has(key)) {
      throw new NetloomError("ERR_NODE_EXISTS", `${address} is on the fabric already`, {
        input: address,
        remedy: "give each node an address of its own",
        backend: "model",
      });
    }
    // Locally administered, and told from the address.
    const mac = 0x0200_0000_0000 + key;
    this.#ports.set(key, { mac, receive });
    return {
      mac,
      send: (frame, nextHop) => this.#send(mac, frame.slice(), nextHop),
      unplug: () => void this.#ports.delete(key),
    };
  }

  /** @internal */
  named(name: string, pod: ModelPod | undefined): void {
    if (pod === undefined) this.#pods.delete(name);
    else this.#pods.set(name, pod);
  }

  /** @internal Does something once what happens now is over. */
  soon(work: () => void): void {
    this.#now.push(work);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#now.shift(); next !== undefined; next = this.#now.shift()) next();
    } finally {
      this.#busy = false;
      this.#settle();
    }
  }

  #send(mac: Mac, frame: Uint8Array, nextHop: number | undefined): void {
    this.#counts.sent++;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const ip = frame.length >= ETHERNET_HEADER + 20 && view.getUint16(12) === ETHERTYPE_IPV4;
    const port = ip ? this.#ports.get(nextHop ?? view.getUint32(30)) : undefined;
    if (port !== undefined) writeMac(port.mac, view, 0);
    writeMac(mac, view, 6);
    for (const listener of this.#captures) listener(frame.slice(), this.runtime.clock.monotonic());
    if (port === undefined) this.#counts.unroutable++;
    else if (frame.length - ETHERNET_HEADER > this.mtu) this.#counts.tooBig++;
    else if (this.#happens(this.#loss)) this.#counts.lost++;
    else {
      this.#after(this.#delay(), () => {
        this.#counts.delivered++;
        port.receive(frame);
      });
    }
  }

  #happens(share: number): boolean {
    return share > 0 && this.runtime.random.next() < share;
  }

  #delay(): number {
    if (!this.#happens(this.#reorder)) return this.#latency;
    this.#counts.late++;
    // Long enough that what follows at once overtakes it.
    return this.#latency + (1 + this.runtime.random.next()) * Math.max(this.#latency, 1);
  }

  #after(delay: number, deliver: () => void): void {
    if (delay === 0) {
      this.soon(deliver);
      return;
    }
    this.#onTheWay++;
    this.runtime.clock.after(delay, () => {
      this.#onTheWay--;
      this.soon(deliver);
    });
  }

  #settle(): void {
    if (this.#onTheWay > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function invalid(option: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${option} ${String(input)} is not acceptable`, {
    input,
    remedy,
    backend: "model",
  });
}

/** Where an IPv4 packet is going. */
export function destinationOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(ETHERNET_HEADER + 16);
}

/** The text of an address that a packet holds. */
export function addressText(word: number): string {
  return formatAddress(ipv4(word));
}
