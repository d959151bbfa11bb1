import type { IpFamily } from "../text/ip.ts";
import type { DeviceRef } from "./link.ts";

/** How far an address or the destination of a route is valid. */
export type Scope = "universe" | "site" | "link" | "host" | "nowhere" | number;

/** An address on a device (rtnetlink(7), linux/if_addr.h). Can be handed back to `delete`. */
export interface Address {
  readonly family: IpFamily;
  /** Interface index. */
  readonly device: number;
  /**
   * With its prefix length: `10.0.0.1/24`, `fd00::1/64`. On a point-to-point device the length is the
   * peer's.
   */
  readonly address: string;
  /** Other end of a point-to-point device, when it differs from {@link address}. */
  readonly peer: string | undefined;
  readonly broadcast: string | undefined;
  readonly label: string | undefined;
  readonly scope: Scope;
  /** Not from autoconfiguration: it has no lifetime. */
  readonly permanent: boolean;
  /** Duplicate detection has not finished: the address cannot be bound yet. */
  readonly tentative: boolean;
  readonly dadFailed: boolean;
  readonly deprecated: boolean;
  /** IPv4: another address of the same prefix is primary. IPv6: temporary (RFC 8981). */
  readonly secondary: boolean;
  readonly noPrefixRoute: boolean;
  /** All IFA_F_* bits. */
  readonly flags: number;
  /** Seconds left; `undefined` is for ever. */
  readonly validLifetime: number | undefined;
  /** Seconds left; `undefined` is for ever. */
  readonly preferredLifetime: number | undefined;
  /** Metric of the prefix route. */
  readonly metric: number | undefined;
  /** Who added it (Linux 5.18): 1 to 3 are the kernel's own, other numbers whoever wrote them; 0 where nobody said. */
  readonly protocol: number;
}

export interface AddressOptions {
  readonly device: DeviceRef;
  /** `10.0.0.1/24`, `fd00::1/64`; without a length the whole address (`/32`, `/128`). */
  readonly address: string;
  /** Other end of a point-to-point device. */
  readonly peer?: string | undefined;
  /** IPv4 only. @defaultValue none */
  readonly broadcast?: string | undefined;
  /** IPv4 only; must begin with the device name. */
  readonly label?: string | undefined;
  /** @defaultValue `universe`, `host` for IPv4 loopback; the kernel chooses it for IPv6 */
  readonly scope?: Scope;
  /** Add no route to the prefix. @defaultValue false */
  readonly noPrefixRoute?: boolean;
  /** IPv6: skip duplicate address detection, so that the address works at once. @defaultValue false */
  readonly noDad?: boolean;
  /** Seconds. @defaultValue for ever */
  readonly validLifetime?: number | undefined;
  /** Seconds, at most {@link validLifetime}. @defaultValue for ever */
  readonly preferredLifetime?: number | undefined;
  /** Metric of the prefix route. @defaultValue the kernel's own */
  readonly metric?: number | undefined;
  /** Who adds it, 0 to 255; kernels before 5.18 forget it. @defaultValue 0 */
  readonly protocol?: number | undefined;
}

export interface ListAddressesOptions {
  /** @defaultValue both */
  readonly family?: IpFamily;
  readonly device?: DeviceRef;
}
