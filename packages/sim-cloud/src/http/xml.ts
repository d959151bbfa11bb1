/** What can be said in XML as AWS does: lists are `item`s, `undefined` is left out. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue };

export function element(name: string, value: XmlValue): string {
  return value === undefined ? "" : `<${name}>${content(value)}</${name}>`;
}

function content(value: Exclude<XmlValue, undefined>): string {
  if (typeof value !== "object") return escape(String(value));
  if (isList(value)) return value.map((item) => element("item", item)).join("");
  return Object.entries(value)
    .map(([name, inner]) => element(name, inner))
    .join("");
}

function isList(value: object): value is readonly XmlValue[] {
  return Array.isArray(value);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
