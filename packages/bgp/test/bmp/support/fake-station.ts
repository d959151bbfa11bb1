import { BmpReader, type BmpMessage, type BmpPeer } from "../../../src/bmp/wire.ts";
import type { PathAttributes } from "../../../src/wire/attributes.ts";
import type { Connection, Listener, Transport } from "../../../src/transport/transport.ts";
import { decodeOpen } from "../../../src/wire/open.ts";
import { negotiate } from "../../../src/wire/negotiate.ts";
import { readNlri } from "../../../src/wire/nlri.ts";
import { UpdateDecoder } from "../../../src/wire/update-decoder.ts";
import type { RibRoute } from "../../../src/api/status.ts";

/** What a station makes of one connection: it knows no more than what it is told. */
export class Heard {
  readonly connection: Connection;
  readonly messages: BmpMessage[] = [];
  closed = false;
  /** By peer's address: routes by prefix and path identifier. */
  readonly tables = new Map<string, Map<string, PathAttributes>>();
  readonly #decoders = new Map<string, UpdateDecoder>();
  readonly #reader = new BmpReader();

  constructor(connection: Connection) {
    this.connection = connection;
    connection.onDrain = () => undefined;
    connection.onClose = () => (this.closed = true);
    connection.onData = (bytes) => {
      this.#reader.push(bytes);
      for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next()) this.#hear(next);
    };
  }

  get kinds(): string[] {
    return this.messages.map(({ kind }) => kind);
  }

  of<Kind extends BmpMessage["kind"]>(kind: Kind): Extract<BmpMessage, { kind: Kind }>[] {
    return this.messages.filter((each): each is Extract<BmpMessage, { kind: Kind }> => each.kind === kind);
  }

  /** As {@link routesOf}. */
  routes(peer: string): string[] {
    return [...(this.tables.get(peer) ?? [])].map(([key, value]) => `${key} ${text(value)}`).toSorted();
  }

  #hear(message: BmpMessage): void {
    this.messages.push(message);
    if (message.kind === "peer-up") this.#up(message);
    if (message.kind === "route-monitoring") this.#update(message.peer, message.update);
    if (message.kind === "peer-down" && !this.tables.delete(message.peer.address))
      throw new Error(`${message.peer.address} is down and was not up`);
  }

  #up({ peer, sent, received }: Extract<BmpMessage, { kind: "peer-up" }>): void {
    if (this.tables.has(peer.address)) throw new Error(`${peer.address} is up twice`);
    const { context } = negotiate(decodeOpen(sent), decodeOpen(received), { remoteAsn: peer.asn });
    this.#decoders.set(peer.address, new UpdateDecoder(context));
    this.tables.set(peer.address, new Map());
  }

  #update({ address }: BmpPeer, message: Uint8Array): void {
    const table = this.tables.get(address);
    const update = this.#decoders.get(address)?.decode(message);
    if (table === undefined || update === undefined) throw new Error(`routes of ${address}, which is not up`);
    if (update.faults.length > 0) throw new Error(`a fault: ${JSON.stringify(update.faults)}`);
    for (const run of update.withdrawn)
      for (const { prefix, pathId } of readNlri(run)) table.delete(`${prefix} ${pathId}`);
    for (const { run, attributes } of update.reach)
      for (const { prefix, pathId } of readNlri(run)) table.set(`${prefix} ${pathId}`, attributes());
  }
}

/** Listens, and keeps what it hears. */
export class FakeStation {
  readonly calls: Heard[] = [];
  #listener: Listener | undefined;

  async listen(transport: Transport, address: string, port: number): Promise<void> {
    const onConnection = (connection: Connection): void => void this.calls.push(new Heard(connection));
    this.#listener = await transport.listen({ address, port, onConnection, onError: () => undefined });
    this.#listener.expect([{ remote: "0.0.0.0/0" }]);
  }

  /** The latest call. */
  get heard(): Heard {
    const heard = this.calls.at(-1);
    if (heard === undefined) throw new Error("nobody has called");
    return heard;
  }
}

/** Routes as text, to be compared. */
export function routesOf(routes: Iterable<RibRoute>): string[] {
  return [...routes]
    .map(({ prefix, pathId, attributes }) => `${prefix} ${pathId} ${text(attributes)}`)
    .toSorted();
}

function text({ asPath, nextHop, med, communities }: PathAttributes): string {
  const path = asPath.flatMap(({ asns }) => asns).join(" ");
  return `via ${nextHop} [${path}] ${med ?? "-"} ${communities?.join(",") ?? "-"}`;
}
