import {
  type Checked,
  checkAttributes,
  flagsProblem,
  missingProblem,
  type Problem,
} from "./attributes/check.ts";
import { decodeAttributes } from "./attributes/decode.ts";
import { ATTRIBUTE, OPTIONAL, TRANSITIVE } from "./attributes/types.ts";
import { concatenate, sameBytes, uint16 } from "./bytes.ts";
import type { WireContext } from "./context.ts";
import type { Family } from "./family.ts";
import { HEADER } from "./header.ts";
import {
  findMpAttributes,
  type MpOffsets,
  type MpReach,
  readMpReach,
  readMpUnreach,
} from "./mp-attributes.ts";
import { checkNlri, type NlriRun } from "./nlri.ts";
import { NOTIFICATION, refusal } from "./refusal.ts";
import type { AttributeFault, Reach, Update } from "./update.ts";

const MALFORMED_LIST = 1;
const INVALID_NETWORK = 10;
const NO_RUNS: readonly NlriRun[] = [];
const NO_REACH: readonly Reach[] = [];
const NO_FAULTS: readonly AttributeFault[] = [];
const NO_BYTES = new Uint8Array(0);

/**
 * Reads the UPDATEs of one session. It remembers the attributes of the one before: a peer that sends a table packs as
 * many prefixes as fit behind the same attributes, again and again.
 */
export class UpdateDecoder {
  readonly #context: WireContext;
  readonly #found: MpOffsets = { reach: 0, reachEnd: 0, unreach: 0, unreachEnd: 0 };
  /** Of the UPDATE before: its attributes without MP_REACH_NLRI and MP_UNREACH_NLRI, and what is known of them. */
  #previous = NO_BYTES;
  #checked: Checked | undefined;

  constructor(context: WireContext) {
    this.#context = context;
  }

  /**
   * Reads a whole UPDATE, and does with what is wrong in it what RFC 7606 says.
   *
   * Prefixes of a family that was not agreed on are passed over.
   *
   * @returns runs that borrow the message
   * @throws {@link BgpError} `ERR_BGP_MESSAGE` with the exact NOTIFICATION, where the session cannot go on.
   */
  decode(message: Uint8Array): Update {
    const end = message.length;
    const attributesAt = HEADER + 4 + uint16(message, HEADER);
    if (attributesAt > end)
      throw refusal(NOTIFICATION.update, MALFORMED_LIST, "withdrawn routes are cut short");
    const nlri = attributesAt + uint16(message, attributesAt - 2);
    if (nlri > end) throw refusal(NOTIFICATION.update, MALFORMED_LIST, "path attributes are cut short");
    if (end === HEADER + 4)
      return endOfRib(this.#context.families.includes("ipv4-unicast") ? "ipv4-unicast" : undefined);
    const withdrawn = this.#classic(message, HEADER + 2, attributesAt - 2);
    const announced = this.#classic(message, nlri, end);
    if (attributesAt === nlri && announced === undefined) return finish(withdrawn ?? NO_RUNS, NO_REACH, []);
    return this.#withAttributes(message, attributesAt, nlri, withdrawn ?? NO_RUNS, announced);
  }

  #withAttributes(
    message: Uint8Array,
    start: number,
    end: number,
    withdrawn: readonly NlriRun[],
    announced: readonly NlriRun[] | undefined,
  ): Update {
    const found = this.#found;
    findMpAttributes(message, start, end, found);
    const unreach =
      found.unreach === 0
        ? undefined
        : readMpUnreach(message, found.unreach, found.unreachEnd, this.#context);
    const onlyUnreach = found.unreach === start && found.unreachEnd === end && message.length === end;
    if (
      onlyUnreach &&
      withdrawn.length === 0 &&
      found.unreachEnd - found.unreach <= 7 &&
      unreach?.run?.count === 0
    )
      return endOfRib(unreach.family);
    const mpReach =
      found.reach === 0 ? undefined : readMpReach(message, found.reach, found.reachEnd, this.#context);
    const rest = othersThan(message, start, end, found);
    const checked = this.#check(rest);
    const problems = allProblems(message, found, checked, mpReach, announced !== undefined);
    const gone = unreach?.run === undefined ? withdrawn : [...withdrawn, unreach.run];
    const severe = problems.find(({ fault }) => fault.action === "treat-as-withdraw");
    if (severe === undefined) return finish(gone, this.#reach(message, rest, announced, mpReach), problems);
    // RFC 7606 section 5.2: without a prefix to withdraw, it is not certain that none was overlooked.
    if ((rest.length > 0 || mpReach !== undefined) && announced === undefined && mpReach?.reachable !== true)
      throw refusal(
        NOTIFICATION.update,
        severe.subcode,
        `attribute ${severe.fault.attribute}: ${severe.fault.reason}`,
        severe.data,
      );
    const lost =
      mpReach?.run === undefined ? (announced ?? NO_RUNS) : [...(announced ?? NO_RUNS), mpReach.run];
    return finish([...gone, ...lost], NO_REACH, problems);
  }

  /**
   * Prefixes outside of attributes: IPv4.
   *
   * @returns `undefined`: there are none; an empty list: there are, and the family was not agreed on.
   */
  #classic(message: Uint8Array, start: number, end: number): readonly NlriRun[] | undefined {
    if (start === end) return undefined;
    const family = "ipv4-unicast";
    const run = checkNlri(family, message, start, end, this.#context.addPathReceive.includes(family));
    if (run === undefined) throw refusal(NOTIFICATION.update, INVALID_NETWORK, "a prefix is malformed");
    return this.#context.families.includes(family) ? [run] : NO_RUNS;
  }

  #check(rest: Uint8Array): Checked {
    if (this.#checked !== undefined && sameBytes(rest, this.#previous)) return this.#checked;
    const checked = checkAttributes(rest, 0, rest.length, this.#context);
    this.#previous = rest.slice();
    this.#checked = checked;
    return checked;
  }

  #reach(
    message: Uint8Array,
    rest: Uint8Array,
    announced: readonly NlriRun[] | undefined,
    mpReach: MpReach | undefined,
  ): readonly Reach[] {
    const reach: Reach[] = [];
    for (const run of announced ?? NO_RUNS)
      reach.push({ run, key: rest, attributes: () => decodeAttributes(rest, undefined, this.#context) });
    if (mpReach?.run !== undefined && mpReach.run.count > 0) {
      const nextHop = message.subarray(mpReach.nextHop, mpReach.nextHopEnd);
      reach.push({
        run: mpReach.run,
        key: mpKey(nextHop, rest),
        attributes: () => decodeAttributes(rest, nextHop, this.#context),
      });
    }
    return reach;
  }
}

/** No attribute begins with a byte below 64 and passes, so that this is never the key of a run without MP_REACH_NLRI. */
function mpKey(nextHop: Uint8Array, rest: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + nextHop.length + rest.length);
  key[0] = nextHop.length;
  key.set(nextHop, 1);
  key.set(rest, 1 + nextHop.length);
  return key;
}

/** The attributes without the two of RFC 4760; copied only where one of these is among them. */
function othersThan(message: Uint8Array, start: number, end: number, found: MpOffsets): Uint8Array {
  if (found.reach === 0 && found.unreach === 0) return message.subarray(start, end);
  const cuts = [
    [found.reach, found.reachEnd],
    [found.unreach, found.unreachEnd],
  ] as const;
  const parts: Uint8Array[] = [];
  let from = start;
  for (const [at, next] of found.reach < found.unreach ? cuts : cuts.toReversed()) {
    if (at === 0) continue;
    if (at > from) parts.push(message.subarray(from, at));
    from = next;
  }
  if (from < end) parts.push(message.subarray(from, end));
  return parts.length > 1 ? concatenate(parts) : (parts[0] ?? NO_BYTES);
}

function allProblems(
  message: Uint8Array,
  found: MpOffsets,
  checked: Checked,
  mpReach: MpReach | undefined,
  classic: boolean,
): readonly Problem[] {
  const reachable = classic || mpReach?.reachable === true;
  const nextHopCounts = classic || !reachable;
  const flags = (at: number): number => (message[at] as number) & (OPTIONAL | TRANSITIVE);
  const clean =
    checked.problems.length === 0 &&
    (found.reach === 0 || flags(found.reach) === OPTIONAL) &&
    (found.unreach === 0 || flags(found.unreach) === OPTIONAL) &&
    (mpReach === undefined || mpReach.usable) &&
    (!nextHopCounts || checked.nextHopProblem === undefined) &&
    (!reachable || (checked.hasOrigin && checked.hasAsPath)) &&
    (!classic || checked.hasNextHop);
  if (clean) return checked.problems;
  const problems = [...checked.problems];
  if (found.reach !== 0 && flags(found.reach) !== OPTIONAL)
    problems.push(flagsProblem(message, found.reach, found.reachEnd));
  if (found.unreach !== 0 && flags(found.unreach) !== OPTIONAL)
    problems.push(flagsProblem(message, found.unreach, found.unreachEnd));
  if (mpReach !== undefined && !mpReach.usable)
    problems.push({
      fault: {
        attribute: ATTRIBUTE.mpReach,
        action: "treat-as-withdraw",
        reason: "the next hop is no address of a host (RFC 4760 section 3)",
      },
      subcode: 8,
      data: message.slice(found.reach, found.reachEnd),
    });
  if (nextHopCounts && checked.nextHopProblem !== undefined) problems.push(checked.nextHopProblem);
  if (reachable && !checked.hasOrigin) problems.push(missingProblem(ATTRIBUTE.origin));
  if (reachable && !checked.hasAsPath) problems.push(missingProblem(ATTRIBUTE.asPath));
  if (classic && !checked.hasNextHop) problems.push(missingProblem(ATTRIBUTE.nextHop));
  return problems;
}

function endOfRib(family: Family | undefined): Update {
  return { withdrawn: NO_RUNS, reach: NO_REACH, endOfRib: family, faults: NO_FAULTS };
}

function finish(
  withdrawn: readonly NlriRun[],
  reach: readonly Reach[],
  problems: readonly Problem[],
): Update {
  const faults = problems.length === 0 ? NO_FAULTS : problems.map(({ fault }) => fault);
  return { withdrawn: withdrawn.filter(({ count }) => count > 0), reach, endOfRib: undefined, faults };
}
