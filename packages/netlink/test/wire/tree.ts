/**
 * Attributes that hold attributes: the path of types that leads there, and how many header bytes come
 * first.
 */
export type Nests = Readonly<Record<string, number>>;

/** Link information, its data (veth: the peer, which begins with a header), route metrics. */
export const NESTS = {
  link: { "/18": 0, "/18/2": 0 },
  veth: { "/18": 0, "/18/2": 0, "/18/2/1": 16 },
  route: { "/8": 0 },
  none: {},
} as const satisfies Record<string, Nests>;

/**
 * The header and the attributes of a message body, one line each, the latter sorted: their order has no
 * meaning. A reader of its own, so that a mistake in the package's reader does not hide the same mistake in
 * its writer.
 */
export function tree(body: Buffer, headerLength: number, nests: Nests = {}, path = ""): string[] {
  const found: string[] = [];
  for (let at = headerLength; at + 4 <= body.length;) {
    const length = body.readUInt16LE(at);
    if (length < 4) throw new Error(`attribute of length ${length}`);
    const here = `${path}/${body.readUInt16LE(at + 2) & 0x3fff}`;
    const payload = body.subarray(at + 4, at + length);
    const inner = nests[here];
    if (inner === undefined) found.push(`${here} ${payload.toString("hex")}`);
    else found.push(...tree(payload, inner, nests, here));
    at += (length + 3) & ~3;
  }
  return [`${path} header ${body.subarray(0, headerLength).toString("hex")}`, ...found.sort()];
}
