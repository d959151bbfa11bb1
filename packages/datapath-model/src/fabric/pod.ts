import type { Attachment, EndpointHook } from "@netloom/core";
import { ofFamily } from "@netloom/core/backend";
import { ETHERNET_HEADER } from "../walk/packet.ts";
import type { ModelFabric } from "./fabric.ts";
import { Host } from "./host.ts";

/** A pod: the inside of an endpoint's interface. */
export class ModelPod {
  readonly name: string;
  readonly attachment: Attachment;
  readonly mtu: number;
  /** Its network stack. */
  readonly host: Host;
  readonly #fabric: ModelFabric;
  readonly #out: (frame: Uint8Array) => void;
  readonly #listeners = new Set<(frame: Uint8Array) => void>();
  #addresses: readonly string[];
  #tooBig = 0;

  /** @internal @param out - where its frames go. */
  constructor(
    hook: EndpointHook,
    attachment: Attachment,
    fabric: ModelFabric,
    out: (frame: Uint8Array) => void,
  ) {
    this.name = hook.name;
    this.attachment = attachment;
    this.mtu = hook.mtu;
    this.#addresses = hook.addresses;
    this.#fabric = fabric;
    this.#out = out;
    const address = (): string => ofFamily(this.#addresses, 4) ?? "0.0.0.0";
    this.host = new Host(
      {
        owns: (other) => this.#addresses.includes(other),
        addressFor: address,
        transmit: (frame) => this.send(frame),
        macs: { source: attachment.mac, destination: attachment.gatewayMac },
      },
      fabric,
    );
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** Its IPv4 address. */
  get address(): string {
    return ofFamily(this.#addresses, 4) ?? "0.0.0.0";
  }

  /** Frames that were longer than its MTU, which the interface dropped. */
  get tooBig(): number {
    return this.#tooBig;
  }

  /** Sends a frame, whatever it says. */
  send(frame: Uint8Array): void {
    if (frame.length - ETHERNET_HEADER > this.mtu) {
      this.#tooBig++;
      return;
    }
    const copy = frame.slice();
    this.#fabric.soon(() => this.#out(copy));
  }

  /** Calls back with every frame that reaches it, until the function it returns is called. */
  onReceive(listener: (frame: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @internal A frame comes in. */
  deliver(frame: Uint8Array): void {
    for (const listener of this.#listeners) listener(frame.slice());
    if (this.#fabric.stacks) this.host.receive(frame);
  }

  /** @internal */
  readdress(addresses: readonly string[]): void {
    this.#addresses = addresses;
  }
}
