import { BgpError } from "../errors.ts";
import { concatenate, uint32 } from "../wire/bytes.ts";
import { decodeBmp } from "./decode.ts";
import { BMP_HEADER, BMP_VERSION } from "./encode.ts";
import type { BmpMessage } from "./messages.ts";

/** More than any message has: whoever says so speaks something else. */
const LIMIT = 1 << 20;

/** Cuts a stream into messages, for who is a monitoring station. Keeps a copy of what is not whole yet. */
export class BmpReader {
  #bytes: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    this.#bytes = concatenate([this.#bytes, chunk]);
  }

  /**
   * The next message, or `undefined` when more bytes are needed.
   *
   * @throws {@link BgpError} `ERR_BGP_MESSAGE`: the stream is of no use any more.
   */
  next(): BmpMessage | undefined {
    const bytes = this.#bytes;
    if (bytes.length < BMP_HEADER) return undefined;
    const length = uint32(bytes, 1);
    if (bytes[0] !== BMP_VERSION || length < BMP_HEADER || length > LIMIT)
      throw new BgpError("ERR_BGP_MESSAGE", "BMP: the stream has no message of version 3");
    if (bytes.length < length) return undefined;
    this.#bytes = bytes.subarray(length);
    return decodeBmp(bytes.subarray(0, length));
  }
}
