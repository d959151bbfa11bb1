import { inside, listAt, objectAt, type Place } from "../policy/parse-input.ts";

/** An object with these fields at most. Kubernetes takes `null` for a field that is missing, and so do we. */
export function fieldsAt(
  input: unknown,
  place: Place,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  const fields = objectAt(input, place, known);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** The elements of a list and where they stand; none, where there is no list: Kubernetes makes no difference. */
export function elementsAt(
  input: unknown,
  place: Place,
  of: string,
): readonly { readonly input: unknown; readonly place: Place }[] {
  if (input === undefined) return [];
  return listAt(input, place, of).map((input, index) => ({ input, place: inside(place, `[${index}]`) }));
}
