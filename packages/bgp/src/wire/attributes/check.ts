import type { WireContext } from "../context.ts";
import { uint16 } from "../bytes.ts";
import { NOTIFICATION, refusal } from "../refusal.ts";
import type { AttributeFault } from "../update.ts";
import { valueFault } from "./check-value.ts";
import { ATTRIBUTE, EXPECTED_FLAGS, EXTENDED_LENGTH, OPTIONAL, TRANSITIVE } from "./types.ts";

/** A fault, and the UPDATE message error it would be where RFC 7606 does not soften it. */
export interface Problem {
  readonly fault: AttributeFault;
  readonly subcode: number;
  /** The attribute as it came: RFC 4271 section 6.3. */
  readonly data: Uint8Array;
}

/** What is known of a stretch of attributes, apart from MP_REACH_NLRI and MP_UNREACH_NLRI. */
export interface Checked {
  readonly problems: readonly Problem[];
  /** Of NEXT_HOP: counts only where prefixes follow the attributes (RFC 4760 section 3). */
  readonly nextHopProblem: Problem | undefined;
  readonly hasOrigin: boolean;
  readonly hasAsPath: boolean;
  readonly hasNextHop: boolean;
}

const MALFORMED_LIST = 1;
const UNRECOGNISED_WELL_KNOWN = 2;
const FLAGS_ERROR = 4;
const LENGTH_ERROR = 5;

const NOTHING = new Uint8Array(0);

/** In which check each type was last seen: nothing has to be cleared between two of them. */
const seen = new Float64Array(256);
let round = 0;

/**
 * Checks attributes from `start` to `end` by RFC 7606, as cheaply as it can be done.
 *
 * @throws {@link BgpError} `ERR_BGP_MESSAGE`: 3/2, a well-known attribute that is not known.
 */
export function checkAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  context: WireContext,
): Checked {
  round += 1;
  const problems: Problem[] = [];
  let nextHopProblem: Problem | undefined;
  for (let at = start; at < end;) {
    const flags = bytes[at] as number;
    const type = bytes[at + 1] as number;
    const value = at + ((flags & EXTENDED_LENGTH) === 0 ? 3 : 4);
    const next = value > end ? value : value + valueLength(bytes, at, flags);
    if (next > end) {
      problems.push(overrun(bytes, at, value, end));
      break;
    }
    const problem = attributeProblem(bytes, at, value, next, flags, type, context);
    if (problem !== undefined) {
      if (type === ATTRIBUTE.nextHop && problem.fault.action === "treat-as-withdraw")
        nextHopProblem = problem;
      else problems.push(problem);
    }
    seen[type] = round;
    at = next;
  }
  return {
    problems,
    nextHopProblem,
    hasOrigin: seen[ATTRIBUTE.origin] === round,
    hasAsPath: seen[ATTRIBUTE.asPath] === round,
    hasNextHop: seen[ATTRIBUTE.nextHop] === round,
  };
}

/** Of an attribute whose header lies within the bytes. */
export function valueLength(bytes: Uint8Array, at: number, flags: number): number {
  return (flags & EXTENDED_LENGTH) === 0 ? (bytes[at + 2] as number) : uint16(bytes, at + 2);
}

function attributeProblem(
  bytes: Uint8Array,
  at: number,
  value: number,
  next: number,
  flags: number,
  type: number,
  context: WireContext,
): Problem | undefined {
  const expected = EXPECTED_FLAGS[type] as number;
  if (expected === 0 && (flags & OPTIONAL) === 0)
    throw refusal(
      NOTIFICATION.update,
      UNRECOGNISED_WELL_KNOWN,
      `attribute ${type} is said to be well-known`,
      bytes.subarray(at, next),
    );
  if (seen[type] === round)
    return problemOf(type, "discard-attribute", MALFORMED_LIST, "it came before (RFC 7606 section 3 g)");
  if (expected === 0) return undefined;
  if ((flags & (OPTIONAL | TRANSITIVE)) !== expected) return flagsProblem(bytes, at, next);
  const wrong = valueFault(type, bytes, value, next, context);
  if (wrong === undefined) return undefined;
  return problemOf(type, wrong.action, wrong.subcode, wrong.reason, bytes.slice(at, next));
}

/** The optional and transitive bits are not those of this attribute: RFC 7606 section 3 c. */
export function flagsProblem(bytes: Uint8Array, at: number, end: number): Problem {
  return problemOf(
    bytes[at + 1] as number,
    "treat-as-withdraw",
    FLAGS_ERROR,
    `its flags cannot be ${bytes[at]} (RFC 7606 section 3 c)`,
    bytes.slice(at, end),
  );
}

/** The attributes have fewer bytes than they need: RFC 7606 section 4. What follows them is found nevertheless. */
function overrun(bytes: Uint8Array, at: number, value: number, end: number): Problem {
  const headless = value > end;
  return problemOf(
    at + 1 < end ? (bytes[at + 1] as number) : 0,
    "treat-as-withdraw",
    headless ? MALFORMED_LIST : LENGTH_ERROR,
    "it is longer than what is left for it (RFC 7606 section 4)",
    headless ? NOTHING : bytes.slice(at, end),
  );
}

/** RFC 7606 section 3 d. The data is its number: RFC 4271 section 6.3. */
export function missingProblem(type: number): Problem {
  return problemOf(
    type,
    "treat-as-withdraw",
    3,
    "it is mandatory, and missing (RFC 7606 section 3 d)",
    Uint8Array.of(type),
  );
}

function problemOf(
  attribute: number,
  action: AttributeFault["action"],
  subcode: number,
  reason: string,
  data: Uint8Array = NOTHING,
): Problem {
  return { fault: { attribute, action, reason }, subcode, data };
}
