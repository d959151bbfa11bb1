import type { ModelRoute } from "./routes.ts";
import { RouteTable } from "./routes.ts";
import { ETHERNET_HEADER } from "../walk/packet.ts";
import type { FabricPort } from "./fabric.ts";

export interface ModelRouterOptions {
  /** Its addresses, one for each segment that it is on. */
  readonly addresses: readonly string[];
  /** Where it sends packets on. @defaultValue to whoever has the address */
  readonly routes?: readonly ModelRoute[];
}

/**
 * Hands packets on that are sent to it for others, by its routes, and takes one from their time to live. It answers
 * nothing, not even to what it drops.
 */
export class ModelRouter {
  readonly #routes: RouteTable;
  readonly #ports: readonly FabricPort[];
  #forwarded = 0;

  /** @internal */
  constructor(
    options: ModelRouterOptions,
    plug: (address: string, receive: (frame: Uint8Array) => void) => FabricPort,
  ) {
    this.#routes = new RouteTable(options.routes ?? [{ to: "0.0.0.0/0" }]);
    this.#ports = options.addresses.map((address) => plug(address, (frame) => this.#receive(frame)));
  }

  /** Packets that it has handed on. */
  get forwarded(): number {
    return this.#forwarded;
  }

  unplug(): void {
    for (const port of this.#ports) port.unplug();
  }

  #receive(frame: Uint8Array): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const ip = ETHERNET_HEADER;
    const timeToLive = view.getUint8(ip + 8);
    const nextHop = this.#routes.nextHop(view.getUint32(ip + 16));
    if (timeToLive <= 1 || nextHop === undefined) return;
    view.setUint8(ip + 8, timeToLive - 1);
    // RFC 1141.
    const check = view.getUint16(ip + 10) + 0x0100;
    view.setUint16(ip + 10, (check + (check >= 0xffff ? 1 : 0)) & 0xffff);
    this.#forwarded++;
    this.#ports[0]!.send(frame, nextHop);
  }
}
