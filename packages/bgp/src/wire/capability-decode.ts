import { uint16, uint32 } from "./bytes.ts";
import type { Capability, FamilyNumbers } from "./capability.ts";
import { ROLES } from "./role.ts";

const decoder = new TextDecoder();

/** @returns `undefined`: the value has a length that this capability cannot have */
export function decodeValue(code: number, value: Uint8Array): Capability | undefined {
  switch (code) {
    case 1:
      return value.length === 4
        ? { kind: "multiprotocol", afi: uint16(value, 0), safi: value[3] as number }
        : undefined;
    case 2:
      return empty({ kind: "route-refresh" }, value);
    case 5:
      return each(
        value,
        0,
        6,
        (at) => ({
          afi: uint16(value, at),
          safi: uint16(value, at + 2),
          nextHopAfi: uint16(value, at + 4),
        }),
        (families) => ({ kind: "extended-next-hop", families }),
      );
    case 6:
      return empty({ kind: "extended-message" }, value);
    case 9:
      return value.length === 1
        ? { kind: "role", role: ROLES[value[0] as number] ?? (value[0] as number) }
        : undefined;
    case 64:
      return gracefulRestart(value);
    case 65:
      return value.length === 4 ? { kind: "four-octet-as", asn: uint32(value, 0) } : undefined;
    case 69:
      return addPath(value);
    case 70:
      return empty({ kind: "enhanced-route-refresh" }, value);
    case 71:
      return each(
        value,
        0,
        7,
        (at) => ({
          ...numbers(value, at),
          forwarding: forwarding(value, at),
          staleTime: uint32(value, at + 3) % 0x100_0000,
        }),
        (families) => ({ kind: "long-lived-graceful-restart", families }),
      );
    case 73:
      return fqdn(value);
    default:
      return { kind: "unknown", code, value };
  }
}

function empty(capability: Capability, value: Uint8Array): Capability | undefined {
  return value.length === 0 ? capability : undefined;
}

function each<Entry>(
  value: Uint8Array,
  start: number,
  size: number,
  entry: (at: number) => Entry,
  make: (families: readonly Entry[]) => Capability,
): Capability | undefined {
  if (value.length < start || (value.length - start) % size !== 0) return undefined;
  const entries: Entry[] = [];
  for (let at = start; at < value.length; at += size) entries.push(entry(at));
  return make(entries);
}

function gracefulRestart(value: Uint8Array): Capability | undefined {
  return each(
    value,
    2,
    4,
    (at) => ({ ...numbers(value, at), forwarding: forwarding(value, at) }),
    (families) => {
      const flags = uint16(value, 0);
      return {
        kind: "graceful-restart",
        restarted: (flags & 0x8000) !== 0,
        notification: (flags & 0x4000) !== 0,
        restartTime: flags & 0xfff,
        families,
      };
    },
  );
}

/** RFC 7911 section 4: with any other mode than these three, it is ignored as if it were not understood. */
function addPath(value: Uint8Array): Capability | undefined {
  for (let at = 3; at < value.length; at += 4) {
    const mode = value[at] as number;
    if (mode < 1 || mode > 3) return { kind: "unknown", code: 69, value };
  }
  return each(
    value,
    0,
    4,
    (at) => ({
      ...numbers(value, at),
      send: ((value[at + 3] as number) & 2) !== 0,
      receive: ((value[at + 3] as number) & 1) !== 0,
    }),
    (families) => ({ kind: "add-path", families }),
  );
}

/** For people only, and of a draft: one that cannot be read is no reason to refuse a peer. */
function fqdn(value: Uint8Array): Capability {
  const host = value[0] ?? Infinity;
  const domain = value[1 + host] ?? Infinity;
  if (2 + host + domain !== value.length) return { kind: "unknown", code: 73, value };
  return {
    kind: "fqdn",
    host: decoder.decode(value.subarray(1, 1 + host)),
    domain: decoder.decode(value.subarray(2 + host)),
  };
}

function numbers(value: Uint8Array, at: number): FamilyNumbers {
  return { afi: uint16(value, at), safi: value[at + 2] as number };
}

function forwarding(value: Uint8Array, at: number): boolean {
  return ((value[at + 3] as number) & 0x80) !== 0;
}
