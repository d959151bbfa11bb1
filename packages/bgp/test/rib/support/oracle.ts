import type { PathAttributes } from "../../../src/wire/attributes.ts";
import type { Match, Policy, RouteChange } from "../../../src/api/policy.ts";
import { parseCommunity } from "../../../src/wire/communities.ts";

/** Plain answers, slowly: what the fast ones are held against. */

export interface OraclePath {
  readonly attributes: PathAttributes;
  /** `undefined`: ours, of the set `name`. */
  readonly kind: "external" | "internal" | undefined;
  readonly name: string;
  readonly routerId: string;
  readonly address: string;
  readonly pathId: number;
}

const dotted = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

const pathLength = ({ asPath }: PathAttributes): number =>
  asPath.reduce((sum, { type, asns }) => {
    if (type === "sequence") return sum + asns.length;
    return type === "set" ? sum + 1 : sum;
  }, 0);

const neighbour = ({ asPath }: PathAttributes): number => {
  const first = asPath.find(({ type }) => !type.startsWith("confed"));
  return first?.type === "sequence" ? first.asns[0]! : 0;
};

/** RFC 4271 section 9.1.2.2, rule after rule, each striking out what is worse. */
export function bestOf(paths: readonly OraclePath[]): OraclePath | undefined {
  const ours = paths.filter(({ kind }) => kind === undefined).map(({ name }) => name);
  const firstOfOurs = ours.sort()[0];
  let left = paths.filter(({ kind, name }) => kind !== undefined || name === firstOfOurs);
  const lowest = (value: (path: OraclePath) => number): void => {
    const least = Math.min(...left.map(value));
    left = left.filter((path) => value(path) === least);
  };
  lowest(({ attributes }) => (attributes.communities?.includes(0xffff0006) === true ? 1 : 0));
  lowest(({ attributes }) => -(attributes.localPref ?? 100));
  lowest(({ kind }) => (kind === undefined ? 0 : 1));
  lowest(({ attributes }) => pathLength(attributes));
  lowest(({ attributes }) => ["igp", "egp", "incomplete"].indexOf(attributes.origin));
  left = left.filter(({ attributes }) =>
    left.every(
      (other) =>
        neighbour(other.attributes) !== neighbour(attributes) ||
        (other.attributes.med ?? 0) >= (attributes.med ?? 0),
    ),
  );
  lowest(({ kind }) => (kind === "internal" ? 1 : 0));
  lowest(({ attributes, routerId }) => dotted(attributes.originatorId ?? routerId));
  lowest(({ attributes }) => attributes.clusterList?.length ?? 0);
  lowest(({ address }) => (address === "" ? 0 : dotted(address)));
  lowest(({ pathId }) => pathId);
  return left[0];
}

/** What a policy makes of a route; `undefined`: refused. */
export function interpret(
  policy: Policy | undefined,
  prefix: string,
  attributes: PathAttributes,
  ownAsn: number | undefined,
  origin: { readonly peer?: string; readonly set?: string } = {},
): PathAttributes | undefined {
  for (const { match = {}, action, set = {} } of policy?.statements ?? []) {
    if (!holds(match, prefix, attributes, origin)) continue;
    return action === "accept" ? changed(attributes, set, ownAsn) : undefined;
  }
  return undefined;
}

function holds(
  { prefixes, communities, asPath, peers, sets }: Match,
  prefix: string,
  attributes: PathAttributes,
  origin: { readonly peer?: string; readonly set?: string },
): boolean {
  const asns = attributes.asPath.flatMap((segment) => segment.asns);
  return (
    (prefixes === undefined || prefixes.some((range) => lies(prefix, range))) &&
    (communities === undefined ||
      communities.some((text) => attributes.communities?.includes(parseCommunity(text)!) === true)) &&
    (asPath?.contains === undefined || asns.includes(asPath.contains)) &&
    (asPath?.from === undefined || asns[0] === asPath.from) &&
    (asPath?.origin === undefined || asns.at(-1) === asPath.origin) &&
    (asPath?.maxLength === undefined || asns.length <= asPath.maxLength) &&
    (peers === undefined || peers.some((name) => name === origin.peer)) &&
    (sets === undefined || sets.some((name) => name === origin.set))
  );
}

/** By bits, as text. */
function lies(
  prefix: string,
  range: { readonly prefix: string; readonly minLength?: number; readonly maxLength?: number },
): boolean {
  const [address, length] = split(prefix);
  const [within, covered] = split(range.prefix);
  const minimum = range.minLength ?? covered;
  const maximum = range.maxLength ?? (range.minLength === undefined ? covered : bits(within).length);
  if (length < minimum || length > maximum || length < covered) return false;
  if (bits(address).length !== bits(within).length) return false;
  return bits(address).slice(0, covered) === bits(within).slice(0, covered);
}

const split = (prefix: string): [string, number] => {
  const [address, length] = prefix.split("/");
  return [address!, Number(length)];
};

const bits = (address: string): string => {
  if (!address.includes(":"))
    return address
      .split(".")
      .map((part) => Number(part).toString(2).padStart(8, "0"))
      .join("");
  const [before = [], after = []] = address
    .split("::")
    .map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0"))
    .join("");
};

function changed(attributes: PathAttributes, set: RouteChange, ownAsn: number | undefined): PathAttributes {
  const next: Record<string, unknown> = { ...attributes };
  if (set.nextHop !== undefined) next["nextHop"] = set.nextHop;
  if (set.localPref !== undefined) next["localPref"] = set.localPref;
  if (set.med !== undefined) next["med"] = set.med ?? undefined;
  if (set.origin !== undefined) next["origin"] = set.origin;
  if (set.prepend !== undefined && set.prepend > 0 && ownAsn !== undefined) {
    const asns = attributes.asPath.flatMap((segment) => segment.asns);
    const own = Array.from({ length: set.prepend }, () => ownAsn);
    next["asPath"] = [{ type: "sequence", asns: [...own, ...asns] }];
  }
  if (set.addCommunities !== undefined || set.removeCommunities !== undefined) {
    const gone = new Set((set.removeCommunities ?? []).map(parseCommunity));
    const kept = (attributes.communities ?? []).filter((community) => !gone.has(community));
    const all = [...new Set([...kept, ...(set.addCommunities ?? []).map((text) => parseCommunity(text)!)])];
    next["communities"] = all.length === 0 ? undefined : all.sort((a, b) => a - b);
  }
  return next as unknown as PathAttributes;
}
