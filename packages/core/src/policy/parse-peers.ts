import { formatCidr, parseCidr, type Cidr } from "../address/index.ts";
import { parseSelector, type Selector } from "../labels/index.ts";
import { locationOf, type AddressBlock, type Location } from "./located-endpoints.ts";
import { booleanAt, inside, invalid, listAt, objectAt, parsedAt, wordAt, type Place } from "./parse-input.ts";
import { POLICY_ENTITIES, type PolicyEntity } from "./types.ts";

export type Peer =
  | { readonly kind: "selector"; readonly selector: Selector }
  | { readonly kind: "entity"; readonly entity: PolicyEntity }
  /** Outside of the cluster. */
  | ({ readonly kind: "cidr" } & AddressBlock)
  /** Endpoints, by the addresses that their labels say. */
  | { readonly kind: "location"; readonly location: Location };

/** `undefined`: anyone. */
export function parsePeers(input: unknown, deny: boolean, place: Place): readonly Peer[] | undefined {
  if (input === undefined) return undefined;
  const list = listAt(input, place, "peers");
  if (list.length === 0) {
    // Kubernetes reads this as everyone and Cilium as nobody; a guess would be wrong half the time.
    const remedy = 'leave `peers` out for anyone, or write [{ entity: "none" }] for nobody';
    throw invalid(place, input, "is empty, which could mean anyone or nobody", remedy);
  }
  const peers: Peer[] = [];
  const blocks: AddressBlock[] = [];
  for (const [index, one] of list.entries()) {
    const { peer, endpoints } = parsePeer(one, inside(place, `[${index}]`));
    peers.push(peer);
    if (peer.kind === "cidr" && endpoints) blocks.push(peer);
  }
  if (blocks.length > 0) peers.push({ kind: "location", location: locationOf(blocks, deny) });
  return peers;
}

function parsePeer(input: unknown, place: Place): { readonly peer: Peer; readonly endpoints: boolean } {
  const peer = objectAt(input, place, ["selector", "entity", "cidr", "except", "endpoints"]);
  const kinds = ["selector", "entity", "cidr"].filter((kind) => peer[kind] !== undefined);
  if (kinds.length !== 1) {
    const what = kinds.length === 0 ? "names no one" : `is ${kinds.join(" and ")} at once`;
    throw invalid(place, input, what, "give exactly one of selector, entity and cidr");
  }
  const endpoints = booleanAt(peer["endpoints"], inside(place, "endpoints")) ?? false;
  if (peer["cidr"] !== undefined) return { peer: parseBlock(peer, place), endpoints };
  for (const field of ["except", "endpoints"]) {
    if (peer[field] === undefined) continue;
    throw invalid(inside(place, field), peer[field], "has no cidr", "use it beside cidr only");
  }
  if (peer["entity"] !== undefined) {
    const entity = wordAt(peer["entity"], inside(place, "entity"), POLICY_ENTITIES, "entity");
    return { peer: { kind: "entity", entity }, endpoints };
  }
  const selector = parsedAt(inside(place, "selector"), () => parseSelector(peer["selector"]));
  return { peer: { kind: "selector", selector }, endpoints };
}

function parseBlock(peer: Record<string, unknown>, place: Place): Peer {
  const cidr = parsedAt(inside(place, "cidr"), () => parseCidr(peer["cidr"] as string));
  return { kind: "cidr", cidr, except: parseExcept(peer["except"], cidr, inside(place, "except")) };
}

function parseExcept(input: unknown, within: Cidr, place: Place): readonly Cidr[] {
  if (input === undefined) return [];
  return listAt(input, place, "CIDRs").map((text, index) => {
    const at = inside(place, `[${index}]`);
    const except = parsedAt(at, () => parseCidr(text as string));
    if (within.containsCidr(except)) return except;
    const what = `is not inside ${formatCidr(within)}`;
    throw invalid(at, text, what, "except only parts of the peer's cidr");
  });
}
