import { invalid } from "../errors.ts";
import { MAIN_TABLE } from "../model/route.ts";
import type { Range, Rule, RuleActionName, RuleOptions } from "../model/rule.ts";
import { deviceName, integer } from "../text/check.ts";
import { type IpFamily, type IpPrefix, parseNetwork } from "../text/ip.ts";
import { anyAddress, familyNumber, ipFamily } from "./family.ts";
import { AttributeCursor, expectHeader, type MessageCursor } from "./message.ts";
import type { Mutable } from "./mutable.ts";
import { NameTable } from "./names.ts";
import { protocols } from "./route.ts";
import type { MessageWriter } from "./writer.ts";

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

/** Attributes of linux/fib_rules.h. */
const FRA = {
  DST: 1,
  SRC: 2,
  IIFNAME: 3,
  GOTO: 4,
  PRIORITY: 6,
  FWMARK: 10,
  SUPPRESS_PREFIXLEN: 14,
  TABLE: 15,
  FWMASK: 16,
  OIFNAME: 17,
  UID_RANGE: 20,
  PROTOCOL: 21,
  IP_PROTO: 22,
  SPORT_RANGE: 23,
  DPORT_RANGE: 24,
} as const;

const FIB_RULE_INVERT = 2;
/** struct fib_rule_hdr. */
const FIB_RULE_HDR_LENGTH = 12;
/** "No suppression", as the kernel writes it. */
const NO_SUPPRESSION = 0xffff_ffff;
/** The header has one octet for the table; larger numbers go in an attribute. */
const MAX_TABLE_OCTET = 255;

const actions: NameTable<RuleActionName> = new NameTable("rule action", {
  lookup: 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
});

export function writeRule(writer: MessageWriter, op: string, options: RuleOptions): void {
  const action = actions.encode(op, options.action ?? (options.target === undefined ? "lookup" : "goto"));
  const lookup = action === actions.encode(op, "lookup");
  const table = options.table ?? (lookup ? MAIN_TABLE : undefined);
  writeRuleBody(writer, op, { ...options, protocol: options.protocol ?? "static", table }, action);
}

/** The kernel compares what is given and takes the first rule that fits. */
export function writeDeleteRule(writer: MessageWriter, op: string, options: RuleOptions): void {
  writeRuleBody(writer, op, options, options.action === undefined ? 0 : actions.encode(op, options.action));
}

function writeRuleBody(writer: MessageWriter, op: string, options: RuleOptions, action: number): void {
  const from = options.from === undefined ? undefined : parseNetwork(op, options.from);
  const to = options.to === undefined ? undefined : parseNetwork(op, options.to);
  const family = ruleFamily(op, options, from, to);
  const table = options.table === undefined ? 0 : integer(op, "a routing table", options.table);
  writer
    .u8(familyNumber(op, family))
    .u8(to?.length ?? 0)
    .u8(from?.length ?? 0)
    .u8(0);
  writer
    .u8(table <= MAX_TABLE_OCTET ? table : 0)
    .u8(0)
    .u8(0)
    .u8(action);
  writer.u32(options.invert === true ? FIB_RULE_INVERT : 0);
  if (to !== undefined && to.length > 0) writer.attributeBytes(FRA.DST, to.bytes);
  if (from !== undefined && from.length > 0) writer.attributeBytes(FRA.SRC, from.bytes);
  if (table > MAX_TABLE_OCTET) writer.attributeU32(FRA.TABLE, table);
  writeMatches(writer, op, options);
}

function writeMatches(writer: MessageWriter, op: string, options: RuleOptions): void {
  const u32 = (type: number, what: string, value: number | undefined): void => {
    if (value !== undefined) writer.attributeU32(type, integer(op, what, value));
  };
  u32(FRA.PRIORITY, "a priority", options.priority);
  u32(FRA.GOTO, "a priority to go to", options.target);
  u32(FRA.FWMARK, "a mark", options.mark);
  u32(FRA.FWMASK, "a mark's mask", options.markMask);
  u32(FRA.SUPPRESS_PREFIXLEN, "a prefix length", options.suppressPrefixLength);
  if (options.inputDevice !== undefined)
    writer.attributeText(FRA.IIFNAME, deviceName(op, options.inputDevice));
  if (options.outputDevice !== undefined)
    writer.attributeText(FRA.OIFNAME, deviceName(op, options.outputDevice));
  if (options.ipProtocol !== undefined)
    writer.attributeU8(FRA.IP_PROTO, integer(op, "an IP protocol number", options.ipProtocol, 0, 255));
  if (options.protocol !== undefined)
    writer.attributeU8(FRA.PROTOCOL, protocols.encode(op, options.protocol));
  writePorts(writer, op, FRA.SPORT_RANGE, options.sourcePorts);
  writePorts(writer, op, FRA.DPORT_RANGE, options.destinationPorts);
  const { userIds } = options;
  if (userIds === undefined) return;
  writer.attribute(FRA.UID_RANGE, () => {
    writer.u32(integer(op, "a user id", userIds.first)).u32(integer(op, "a user id", userIds.last));
  });
}

/** struct fib_rule_port_range, host order. */
function writePorts(writer: MessageWriter, op: string, type: number, range: Range | undefined): void {
  if (range === undefined) return;
  writer.attribute(type, () => {
    writer
      .u16(integer(op, "a port", range.first, 1, 0xffff))
      .u16(integer(op, "a port", range.last, 1, 0xffff));
  });
}

function ruleFamily(
  op: string,
  { family, from, to }: RuleOptions,
  source?: IpPrefix,
  target?: IpPrefix,
): IpFamily {
  const chosen = family ?? source?.family ?? target?.family ?? 4;
  if (source !== undefined && source.family !== chosen) throw invalid(op, from, `an IPv${chosen} prefix`);
  if (target !== undefined && target.family !== chosen) throw invalid(op, to, `an IPv${chosen} prefix`);
  return chosen;
}

export function writeListRules(writer: MessageWriter, op: string, family: IpFamily): void {
  writer.u8(familyNumber(op, family)).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
}

/**
 * Reads RTM_NEWRULE and RTM_DELRULE; undefined when the family is neither IPv4 nor IPv6 (multicast
 * routing).
 */
export function decodeRule(message: MessageCursor): Rule | undefined {
  expectHeader(message, FIB_RULE_HDR_LENGTH);
  const { buffer, start } = message;
  const family = ipFamily(buffer[start]);
  if (family === undefined) return undefined;
  const action = actions.decode(buffer[start + 7] ?? 0);
  const attributes = new AttributeCursor(buffer, start + FIB_RULE_HDR_LENGTH, message.end);
  const { source, destination, tableNumber, ...found } = decodeAttributes(attributes, buffer[start + 4] ?? 0);
  const prefix = (address: string | undefined, length: number | undefined): string | undefined =>
    length === 0 ? undefined : `${address ?? anyAddress(family)}/${length}`;
  return {
    family,
    action,
    table: action === "lookup" ? tableNumber : undefined,
    from: prefix(source, buffer[start + 2]),
    to: prefix(destination, buffer[start + 1]),
    invert: (buffer.readUInt32LE(start + 8) & FIB_RULE_INVERT) !== 0,
    ...found,
  };
}

interface RuleAttributes extends Mutable<
  Omit<Rule, "family" | "action" | "table" | "from" | "to" | "invert">
> {
  source: string | undefined;
  destination: string | undefined;
  tableNumber: number;
}

function decodeAttributes(attributes: AttributeCursor, table: number): RuleAttributes {
  const found: RuleAttributes = {
    source: undefined,
    destination: undefined,
    tableNumber: table,
    priority: 0,
    target: undefined,
    mark: undefined,
    markMask: undefined,
    inputDevice: undefined,
    outputDevice: undefined,
    ipProtocol: undefined,
    sourcePorts: undefined,
    destinationPorts: undefined,
    userIds: undefined,
    suppressPrefixLength: undefined,
    protocol: "unspec",
  };
  while (attributes.next()) {
    switch (attributes.type) {
      case FRA.SRC:
        found.source = attributes.ip();
        break;
      case FRA.DST:
        found.destination = attributes.ip();
        break;
      case FRA.TABLE:
        found.tableNumber = attributes.u32();
        break;
      case FRA.PRIORITY:
        found.priority = attributes.u32();
        break;
      case FRA.GOTO:
        found.target = attributes.u32();
        break;
      case FRA.FWMARK:
        found.mark = attributes.u32();
        break;
      case FRA.FWMASK:
        found.markMask = attributes.u32();
        break;
      case FRA.IIFNAME:
        found.inputDevice = attributes.text();
        break;
      case FRA.OIFNAME:
        found.outputDevice = attributes.text();
        break;
      case FRA.IP_PROTO:
        found.ipProtocol = attributes.u8();
        break;
      case FRA.SPORT_RANGE:
        found.sourcePorts = { first: attributes.u16(), last: attributes.u16(2) };
        break;
      case FRA.DPORT_RANGE:
        found.destinationPorts = { first: attributes.u16(), last: attributes.u16(2) };
        break;
      case FRA.UID_RANGE:
        found.userIds = { first: attributes.u32(), last: attributes.u32(4) };
        break;
      case FRA.SUPPRESS_PREFIXLEN:
        if (attributes.u32() !== NO_SUPPRESSION) found.suppressPrefixLength = attributes.u32();
        break;
      case FRA.PROTOCOL:
        found.protocol = protocols.decode(attributes.u8());
        break;
      default:
        break;
    }
  }
  return found;
}
