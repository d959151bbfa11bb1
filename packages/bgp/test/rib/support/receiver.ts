import type { PathAttributes } from "../../../src/wire/attributes.ts";
import type { WireContext } from "../../../src/wire/context.ts";
import { readNlri } from "../../../src/wire/nlri.ts";
import { UpdateDecoder } from "../../../src/wire/update-decoder.ts";
import type { AdjOut } from "../../../src/rib/adj-out.ts";

/** The other end of a session: believes what it is told, and counts the messages. */
export class Receiver {
  /** By prefix, with `#` and the path identifier where there is one. */
  readonly routes = new Map<string, PathAttributes>();
  /** Prefixes withdrawn or announced so far. */
  told = 0;
  messages = 0;
  readonly #decoder: UpdateDecoder;

  constructor(context: WireContext) {
    this.#decoder = new UpdateDecoder({ ...context, addPathReceive: context.addPathSend });
  }

  /** Takes in what there is to be told. */
  listen(out: AdjOut, limit = Infinity): this {
    for (let count = 0; count < limit; count += 1) {
      const message = out.next();
      if (message === undefined) break;
      if (message.length > 0) this.#take(message);
    }
    return this;
  }

  #take(message: Uint8Array): void {
    this.messages += 1;
    const { withdrawn, reach, faults } = this.#decoder.decode(message);
    if (faults.length > 0) throw new Error(faults[0]!.reason);
    for (const run of withdrawn) {
      for (const { prefix, pathId } of readNlri(run)) {
        this.told += 1;
        if (!this.routes.delete(pathId === 0 ? prefix : `${prefix}#${pathId}`)) {
          throw new Error(`${prefix} was withdrawn and never announced`);
        }
      }
    }
    for (const { run, attributes } of reach) {
      const route = attributes();
      for (const { prefix, pathId } of readNlri(run)) {
        this.told += 1;
        this.routes.set(pathId === 0 ? prefix : `${prefix}#${pathId}`, route);
      }
    }
  }
}
