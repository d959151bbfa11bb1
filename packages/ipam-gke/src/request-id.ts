import { createHash } from "node:crypto";

/** Of Netloom's alone, made by chance once. */
const NAMESPACE = "6f0f5e1c6d1b4f0d9a3ce2b7418a5d90";

/**
 * Google wants a UUID: the same for the same intent and interface as it was read, also after a restart (RFC 9562, section
 * 5.5: version 5). From another state of the interface follows another list, which is another request: under the id of an
 * earlier one Google would answer with that one's operation, and do nothing.
 */
export function requestIdOf(intent: string, fingerprint: string): string {
  const name = `${intent}/${fingerprint}`;
  const hash = createHash("sha1").update(Buffer.from(NAMESPACE, "hex")).update(name).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}
