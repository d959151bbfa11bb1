import { invalid } from "../errors.ts";

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/** Parses `02:00:00:00:00:01` to its 6 bytes. */
export function parseMac(op: string, text: string): Buffer {
  if (typeof text !== "string" || !MAC.test(text))
    throw invalid(op, text, "a MAC address such as 02:00:00:00:00:01");
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

/** Writes link-layer addresses of any length as lower-case hexadecimal with colons. */
export function formatMac(bytes: Buffer, start = 0, end: number = bytes.length): string {
  let text = bytes.toString("hex", start, start + 1);
  for (let at = start + 1; at < end; at += 1) text += `:${bytes.toString("hex", at, at + 1)}`;
  return text;
}
