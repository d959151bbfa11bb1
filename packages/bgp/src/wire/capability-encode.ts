import { bytesOf } from "./bytes.ts";
import type { Capability, FamilyNumbers } from "./capability.ts";
import { ROLES } from "./role.ts";

const encoder = new TextEncoder();

/** @throws RangeError: something does not fit. */
export function encodeValue(capability: Capability): Uint8Array | readonly number[] {
  switch (capability.kind) {
    case "multiprotocol":
      return [...bytesOf(capability.afi, 2), 0, ...bytesOf(capability.safi, 1)];
    case "route-refresh":
    case "extended-message":
    case "enhanced-route-refresh":
      return [];
    case "extended-next-hop":
      return capability.families.flatMap(({ afi, safi, nextHopAfi }) => [
        ...bytesOf(afi, 2),
        ...bytesOf(safi, 2),
        ...bytesOf(nextHopAfi, 2),
      ]);
    case "role":
      return bytesOf(
        typeof capability.role === "number" ? capability.role : ROLES.indexOf(capability.role),
        1,
      );
    case "graceful-restart": {
      if (capability.restartTime > 0xfff) throw new RangeError("a restart time is at most 4095 s");
      const flags = (capability.restarted ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0);
      return [
        ...bytesOf(flags | capability.restartTime, 2),
        ...capability.families.flatMap((family) => [...numbers(family), family.forwarding ? 0x80 : 0]),
      ];
    }
    case "four-octet-as":
      return bytesOf(capability.asn, 4);
    case "add-path":
      return capability.families.flatMap((family) => [
        ...numbers(family),
        (family.receive ? 1 : 0) | (family.send ? 2 : 0),
      ]);
    case "long-lived-graceful-restart":
      return capability.families.flatMap((family) => {
        if (family.staleTime > 0xff_ffff) throw new RangeError("a stale time is at most 16777215 s");
        return [...numbers(family), family.forwarding ? 0x80 : 0, ...bytesOf(family.staleTime, 4).slice(1)];
      });
    case "fqdn": {
      const host = encoder.encode(capability.host);
      const domain = encoder.encode(capability.domain);
      return [...bytesOf(host.length, 1), ...host, ...bytesOf(domain.length, 1), ...domain];
    }
    case "unknown":
      return capability.value;
  }
}

function numbers({ afi, safi }: FamilyNumbers): number[] {
  return [...bytesOf(afi, 2), ...bytesOf(safi, 1)];
}
