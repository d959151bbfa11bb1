import type { Capability, CapabilityKind } from "./capability.ts";
import { decodeValue } from "./capability-decode.ts";
import { encodeValue } from "./capability-encode.ts";
import { refusal, NOTIFICATION } from "./refusal.ts";

/** IANA's numbers. */
const CAPABILITY_CODE: Readonly<Record<Exclude<CapabilityKind, "unknown">, number>> = {
  multiprotocol: 1,
  "route-refresh": 2,
  "extended-next-hop": 5,
  "extended-message": 6,
  role: 9,
  "graceful-restart": 64,
  "four-octet-as": 65,
  "add-path": 69,
  "enhanced-route-refresh": 70,
  "long-lived-graceful-restart": 71,
  fqdn: 73,
};

/** @throws RangeError: a value does not fit. */
export function encodeCapability(capability: Capability): Uint8Array {
  const value = encodeValue(capability);
  if (value.length > 255) throw new RangeError(`capability ${capability.kind} has ${value.length} bytes`);
  const code = capability.kind === "unknown" ? capability.code : CAPABILITY_CODE[capability.kind];
  return Uint8Array.of(code, value.length, ...value);
}

/**
 * The capabilities in one optional parameter.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE`: one is cut short, or has a length that its kind cannot have (RFC 4271
 * section 6.2: recognised, but malformed, subcode 0).
 */
export function decodeCapabilities(bytes: Uint8Array): Capability[] {
  const capabilities: Capability[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + (bytes[at + 1] ?? Infinity);
    if (!(end <= bytes.length)) throw refusal(NOTIFICATION.open, 0, "a capability is cut short");
    const code = bytes[at] as number;
    const capability = decodeValue(code, bytes.slice(at + 2, end));
    if (capability === undefined)
      throw refusal(NOTIFICATION.open, 0, `capability ${code} cannot have ${end - at - 2} bytes`);
    capabilities.push(capability);
    at = end;
  }
  return capabilities;
}
