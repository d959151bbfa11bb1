import type { Connection, Listener, Transport } from "../transport/transport.ts";
import type { SpeakerConfig } from "../api/config.ts";
import { expectationsOf } from "./expectations.ts";

export interface DoorsOptions {
  readonly transport: Transport;
  readonly onConnection: (connection: Connection) => void;
  readonly onError: (error: Error) => void;
}

/** Where a speaker may be called. */
export class Doors {
  readonly #options: DoorsOptions;
  #open = "";
  #listeners: Listener[] = [];

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  /**
   * Listens where the configuration says, with what the sockets must know of each peer.
   *
   * @throws `ERR_BGP_TRANSPORT`: then nothing listens.
   */
  async configure(config: SpeakerConfig): Promise<void> {
    const wanted = JSON.stringify(config.listen ?? null);
    if (wanted !== this.#open) {
      await this.close();
      await this.#listen(config.listen);
      this.#open = wanted;
    }
    const peers = expectationsOf(config);
    for (const listener of this.#listeners) listener.expect(peers);
  }

  async close(): Promise<void> {
    this.#open = "";
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  async #listen(listen: SpeakerConfig["listen"]): Promise<void> {
    if (listen === undefined) return;
    const { transport, onConnection, onError } = this.#options;
    const { addresses = ["0.0.0.0", "::"], port = 179 } = listen;
    try {
      for (const address of addresses)
        this.#listeners.push(await transport.listen({ address, port, onConnection, onError }));
    } catch (error) {
      await this.close();
      throw error;
    }
  }
}
