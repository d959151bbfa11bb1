import type { PathAttributes } from "../../../src/wire/attributes.ts";
import type { WireContext } from "../../../src/wire/context.ts";
import type { Family } from "../../../src/wire/family.ts";
import { encodePrefix, type NlriRun } from "../../../src/wire/nlri.ts";
import type { Update } from "../../../src/wire/update.ts";

/** A prefix, or one with a path identifier. */
export type Nlri = string | readonly [prefix: string, pathId: number];

export const familyOfPrefix = (prefix: string): Family =>
  prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";

function runOf(nlris: readonly Nlri[]): NlriRun {
  const addPath = typeof nlris[0] !== "string";
  const parts = nlris.map((nlri) => {
    if (typeof nlri === "string") return encodePrefix(nlri);
    const pathId = Buffer.alloc(4);
    pathId.writeUInt32BE(nlri[1]);
    return Buffer.concat([pathId, encodePrefix(nlri[0])]);
  });
  const first = nlris[0]!;
  const bytes = Buffer.concat([Buffer.from([9, 9]), ...parts, Buffer.from([9])]);
  const family = familyOfPrefix(typeof first === "string" ? first : first[0]);
  return { family, bytes, start: 2, end: bytes.length - 1, addPath, count: nlris.length };
}

export function announce(attributes: PathAttributes, ...nlris: readonly Nlri[]): Update {
  const key = Buffer.from(JSON.stringify(attributes));
  return {
    withdrawn: [],
    reach: [{ run: runOf(nlris), key, attributes: () => attributes }],
    endOfRib: undefined,
    faults: [],
  };
}

export function withdraw(...nlris: readonly Nlri[]): Update {
  return { withdrawn: [runOf(nlris)], reach: [], endOfRib: undefined, faults: [] };
}

/** A path through these, from `nextHop`. */
export function via(asns: readonly number[], others: Partial<PathAttributes> = {}): PathAttributes {
  return { origin: "igp", asPath: [{ type: "sequence", asns }], nextHop: "192.0.2.1", ...others };
}

export const CONTEXT: WireContext = {
  fourOctetAs: true,
  internal: false,
  families: ["ipv4-unicast", "ipv6-unicast"],
  addPathReceive: [],
  addPathSend: [],
  extendedNextHop: false,
  maxMessage: 4096,
};
