import { NetloomError } from "../errors.ts";

/**
 * A 48-bit MAC address as an exact integer, the first octet the most significant, so that `===`, `Map` and
 * sorting do what one expects: `0x0242ac110002` is 02:42:ac:11:00:02.
 */
export type Mac = number;

const MAC_TEXT = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;

/**
 * Reads six hexadecimal octets joined by colons, or by hyphens as in IEEE 802.
 *
 * @throws {@link NetloomError} `ERR_ADDRESS_INVALID` for anything else.
 */
export function parseMac(text: string): Mac {
  if (typeof text !== "string" || !MAC_TEXT.test(text)) {
    const shown = typeof text === "string" ? JSON.stringify(text) : String(text);
    throw new NetloomError("ERR_ADDRESS_INVALID", `${shown} is not a MAC address`, {
      input: text,
      remedy: "write six two-digit hexadecimal octets, e.g. 02:42:ac:11:00:02",
    });
  }
  return Number.parseInt(text.replaceAll(/[:-]/g, ""), 16);
}

/** Lower case, with colons. */
export function formatMac(mac: Mac): string {
  return mac
    .toString(16)
    .padStart(12, "0")
    .replaceAll(/..(?!$)/g, "$&:");
}

/** Writes 6 bytes in network order at `offset`. @throws RangeError when they do not fit. */
export function writeMac(mac: Mac, view: DataView, offset: number): void {
  view.setUint32(offset + 2, mac % 2 ** 32);
  view.setUint16(offset, Math.floor(mac / 2 ** 32));
}

/** Reads what {@link writeMac} wrote. @throws RangeError when fewer than 6 bytes are left. */
export function readMac(view: DataView, offset: number): Mac {
  return view.getUint16(offset) * 2 ** 32 + view.getUint32(offset + 2);
}
