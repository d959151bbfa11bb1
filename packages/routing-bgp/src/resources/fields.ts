import {
  checkLabel,
  formatAddress,
  formatCidr,
  isNetloomError,
  messageOf,
  NetloomError,
  parseAddress,
  parseCidr,
  parseSelector,
  type Selector,
} from "@netloom/core";

/** Where something stands: in which resource, and the path in it, empty for all of it. */
export interface Place {
  readonly resource: string;
  readonly path: string;
}

export type Fields = Readonly<Record<string, unknown>>;

function inside({ resource, path }: Place, step: string): Place {
  return { resource, path: path === "" || step.startsWith("[") ? `${path}${step}` : `${path}.${step}` };
}

/** An object with these fields at most: a misspelt one would change what is told to routers. */
export function fieldsAt(input: unknown, place: Place, known: readonly string[]): Fields {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid(place, input, "is no object", `write an object with ${known.join(", ")}`);
  }
  const stranger = Object.keys(input).find((key) => !known.includes(key));
  if (stranger === undefined) return input as Fields;
  throw invalid(inside(place, stranger), undefined, "is unknown", `known here: ${known.join(", ")}`);
}

/** What stands in a list, read one by one. */
export function listAt<T>(
  input: unknown,
  place: Place,
  read: (input: unknown, place: Place) => T,
): readonly T[] {
  if (!Array.isArray(input)) throw invalid(place, input, "is no list", "write a list");
  return input.map((element: unknown, index) => read(element, inside(place, `[${index}]`)));
}

/** No two with one name. */
export function namedOnce<T extends { readonly name: string }>(
  list: readonly T[],
  place: Place,
): readonly T[] {
  const names = list.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return list;
  throw invalid(place, twice, "is there twice", "give each a name of its own");
}

/** `{ name: value }`, or nothing where there is none: what was not said stays unsaid. */
export function optional<Name extends string, T>(
  fields: Fields,
  name: Name,
  place: Place,
  read: (input: unknown, place: Place) => T,
): { readonly [key in Name]?: T } {
  const input = fields[name];
  return (input === undefined ? {} : { [name]: read(input, inside(place, name)) }) as { [key in Name]?: T };
}

export function required<T>(
  fields: Fields,
  name: string,
  place: Place,
  read: (input: unknown, place: Place) => T,
): T {
  return read(fields[name], inside(place, name));
}

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

export function nameAt(input: unknown, place: Place): string {
  if (typeof input === "string" && input.length <= 253 && NAME.test(input)) return input;
  throw invalid(
    place,
    input,
    "is no name",
    "write letters, digits, '.', '-' and '_', letters or digits at both ends",
  );
}

export function textAt(input: unknown, place: Place): string {
  if (typeof input === "string" && input !== "") return input;
  throw invalid(place, input, "is no text", "write a string that is not empty");
}

export function booleanAt(input: unknown, place: Place): boolean {
  if (typeof input === "boolean") return input;
  throw invalid(place, input, "is no boolean", "write true or false");
}

export function integerAt(least: number, most: number): (input: unknown, place: Place) => number {
  return (input, place) => {
    if (typeof input === "number" && Number.isInteger(input) && input >= least && input <= most) return input;
    throw invalid(place, input, "is out of range", `write a whole number from ${least} to ${most}`);
  };
}

/** RFC 6793 section 9 and RFC 7300: nobody's. */
const RESERVED_ASNS: ReadonlySet<number> = new Set([23_456, 65_535, 4_294_967_295]);

export function asnAt(input: unknown, place: Place): number {
  const asn = integerAt(1, 4_294_967_295)(input, place);
  if (!RESERVED_ASNS.has(asn)) return asn;
  throw invalid(place, input, "is reserved", "take one of yours, or a private one: 64512 to 65534");
}

export const portAt: (input: unknown, place: Place) => number = integerAt(1, 65_535);
export const unsigned32At: (input: unknown, place: Place) => number = integerAt(0, 4_294_967_295);

export function wordAt<T extends string>(words: readonly T[]): (input: unknown, place: Place) => T {
  return (input, place) => {
    const word = words.find((known) => known === input);
    if (word !== undefined) return word;
    throw invalid(place, input, "is unknown", `write one of ${words.join(", ")}`);
  };
}

/** Numbers joined by colons, each up to its own most: communities. */
function numbersAt(...most: readonly number[]): (input: unknown, place: Place) => string {
  return (input, place) => {
    const parts = typeof input === "string" ? input.split(":") : [];
    const fits = parts.every((part, index) => /^(?:0|[1-9]\d*)$/.test(part) && Number(part) <= most[index]!);
    if (parts.length === most.length && fits) return input as string;
    const example = ["65000", "100", "7"].slice(0, most.length).join(":");
    throw invalid(place, input, "is no community", `write ${most.length} numbers, e.g. ${example}`);
  };
}

export const communityAt: (input: unknown, place: Place) => string = numbersAt(65_535, 65_535);
export const largeCommunityAt: (input: unknown, place: Place) => string = numbersAt(
  4_294_967_295,
  4_294_967_295,
  4_294_967_295,
);

export function addressAt(input: unknown, place: Place): string {
  return within(place, () => formatAddress(parseAddress(input as string)));
}

/** An address, and for a link-local one the device that it is on: `fe80::1%eth0`. */
export function peerAddressAt(input: unknown, place: Place): string {
  const [address, zone, ...rest] = typeof input === "string" ? input.split("%") : [String(input)];
  const text = addressAt(address, place);
  const linkLocal = /^fe[89ab]/.test(text);
  if (rest.length > 0 || linkLocal !== (zone !== undefined) || zone === "") {
    const remedy = "write the device behind a link-local address, e.g. fe80::1%eth0, and behind no other";
    throw invalid(place, input, "is no address of a peer", remedy);
  }
  return zone === undefined ? text : `${text}%${zone}`;
}

export function prefixAt(input: unknown, place: Place): string {
  return within(place, () => formatCidr(parseCidr(input as string)));
}

export function routerIdAt(input: unknown, place: Place): string {
  const text = addressAt(input, place);
  if (!text.includes(":") && text !== "0.0.0.0") return text;
  throw invalid(place, input, "is no router ID", "write four decimal numbers, not all zero, e.g. 10.0.0.1");
}

export function selectorAt(input: unknown, place: Place): Selector {
  return within(place, () => parseSelector(input));
}

export function labelsAt(input: unknown, place: Place): Readonly<Record<string, string>> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid(place, input, "is no object", "write keys with texts");
  }
  for (const [key, value] of Object.entries(input as Fields)) {
    if (typeof value !== "string") throw invalid(inside(place, key), value, "is no text", "write a string");
    within(place, () => checkLabel({ source: "k8s", key, value }));
  }
  return input as Record<string, string>;
}

/** Adds the place to what a parser of core says. */
function within<T>(place: Place, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isNetloomError(error)) throw error;
    throw new NetloomError("ERR_BGP_INVALID", `${whole(place)}: ${messageOf(error)}`, {
      input: error.input,
      backend: "bgp",
      cause: error,
    });
  }
}

export function invalid(place: Place, input: unknown, what: string, remedy: string): NetloomError {
  const shown = input === undefined ? "" : ` ${show(input)}`;
  return new NetloomError("ERR_BGP_INVALID", `${whole(place)}${shown} ${what}`, {
    input,
    remedy,
    backend: "bgp",
  });
}

function whole({ resource, path }: Place): string {
  return path === "" ? resource : `${resource}: ${path}`;
}

function show(input: unknown): string {
  const text = JSON.stringify(input) ?? String(input);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Where a resource begins: with its name as soon as it has one. */
export function placeOf(kind: string, input: unknown): Place {
  const name = (input as { readonly name?: unknown } | null | undefined)?.name;
  return { resource: typeof name === "string" ? `${kind} ${name}` : kind, path: "" };
}
