import type { IpFamily } from "../text/ip.ts";
import type { RouteProtocol } from "./route.ts";

export type RuleActionName = "lookup" | "goto" | "nop" | "blackhole" | "unreachable" | "prohibit";
export type RuleAction = RuleActionName | number;

/** Both ends belong to it. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** A policy routing rule (rtnetlink(7), linux/fib_rules.h). Can be handed back to `delete`. */
export interface Rule {
  readonly family: IpFamily;
  /** Rules are tried in rising order. */
  readonly priority: number;
  readonly action: RuleAction;
  /** Table of a `lookup`. */
  readonly table: number | undefined;
  /** Priority of the rule a `goto` jumps to. */
  readonly target: number | undefined;
  /** Source prefix; `undefined` matches all. */
  readonly from: string | undefined;
  /** Destination prefix; `undefined` matches all. */
  readonly to: string | undefined;
  /** Matches what the rest does not. */
  readonly invert: boolean;
  /** Firewall mark. */
  readonly mark: number | undefined;
  readonly markMask: number | undefined;
  /** Name, for the device need not exist. */
  readonly inputDevice: string | undefined;
  /** Name, for the device need not exist. */
  readonly outputDevice: string | undefined;
  /** IP protocol number: 6 is TCP, 17 UDP. */
  readonly ipProtocol: number | undefined;
  readonly sourcePorts: Range | undefined;
  readonly destinationPorts: Range | undefined;
  readonly userIds: Range | undefined;
  /** Ignore routes with a prefix of this length or shorter. */
  readonly suppressPrefixLength: number | undefined;
  readonly protocol: RouteProtocol;
}

export interface RuleOptions {
  /** @defaultValue that of `from` or `to`, else 4 */
  readonly family?: IpFamily;
  /** @defaultValue one before the first rule that is not 0 */
  readonly priority?: number;
  /** @defaultValue `goto` with a `target`, else `lookup` */
  readonly action?: RuleAction;
  /** @defaultValue 254, main, for `lookup` */
  readonly table?: number | undefined;
  readonly target?: number | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** @defaultValue false */
  readonly invert?: boolean;
  readonly mark?: number | undefined;
  /** @defaultValue all bits */
  readonly markMask?: number | undefined;
  readonly inputDevice?: string | undefined;
  readonly outputDevice?: string | undefined;
  readonly ipProtocol?: number | undefined;
  readonly sourcePorts?: Range | undefined;
  readonly destinationPorts?: Range | undefined;
  readonly userIds?: Range | undefined;
  readonly suppressPrefixLength?: number | undefined;
  /** @defaultValue `static` */
  readonly protocol?: RouteProtocol;
}

export interface ListRulesOptions {
  /** @defaultValue both */
  readonly family?: IpFamily;
}
