import * as fc from "fast-check";
import type { AdjOut } from "../../../src/rib/adj-out.ts";
import { Rib } from "../../../src/rib/rib.ts";
import { FAMILIES, type Family } from "../../../src/wire/family.ts";
import { ADDRESSES, keyOf, Model } from "./model.ts";
import { Receiver } from "./receiver.ts";
import { ASN, EXPORTS, IMPORTS, PEERS, type Step, TAKE_SEVERAL, TELL_SEVERAL } from "./steps.ts";
import { announce, CONTEXT, familyOfPrefix, withdraw } from "./updates.ts";

/** One family of a session, and who listens at its other end. */
export interface End {
  readonly family: Family;
  readonly out: AdjOut;
  readonly receiver: Receiver;
}

export interface World {
  readonly rib: Rib;
  readonly ids: readonly number[];
  readonly model: Model;
  /** By peer; none, until {@link open}. */
  ends: readonly (readonly End[])[];
}

/** Prefixes in a slice; `undefined`: everything is done at once. */
export const slices = fc.constantFrom(undefined, 1, 2);

export function world(slice: number | undefined, onBest?: () => void): World {
  const rib = new Rib({
    asn: ASN,
    routerId: "192.0.2.250",
    ...(slice !== undefined && { onWork: () => {}, slice }),
    ...(onBest !== undefined && { onBest }),
  });
  const policy = { import: IMPORTS[0]!, export: EXPORTS[0]! };
  const ids = PEERS.map((each) => rib.addPeer(each, { "ipv4-unicast": policy, "ipv6-unicast": policy }));
  return { rib, ids, model: new Model(), ends: [] };
}

/** Sessions with all peers begin. */
export function open(all: World): void {
  all.ends = PEERS.map(({ name, kind }, index) => {
    const addPathSend = TAKE_SEVERAL.has(name) ? FAMILIES : [];
    const context = { ...CONTEXT, internal: kind === "internal", addPathSend };
    return FAMILIES.map((family) => {
      const out = all.rib.openOut(all.ids[index]!, family, context, { address: ADDRESSES[family] });
      return { family, out, receiver: new Receiver(context) };
    });
  });
}

/** Does it, and has the model do it. */
export function take(all: World, next: Step): void {
  const { rib, ids, model } = all;
  switch (next.do) {
    case "announce":
      for (const nlris of byFamily(next)) rib.apply(ids[next.peer]!, announce(next.with, ...nlris));
      for (const path of pathsOf(next)) model.announce(next.peer, { ...path, attributes: next.with });
      break;
    case "withdraw":
      for (const nlris of byFamily(next)) rib.apply(ids[next.peer]!, withdraw(...nlris));
      for (const path of pathsOf(next)) model.withdraw(next.peer, keyOf(path));
      break;
    case "drop":
      rib.drop(ids[next.peer]!);
      model.drop(next.peer);
      break;
    case "mark":
      for (const family of FAMILIES) rib.markStale(ids[next.peer]!, family);
      model.mark(next.peer);
      break;
    case "sweep":
      for (const family of FAMILIES) rib.sweepStale(ids[next.peer]!, family);
      model.sweep(next.peer);
      break;
    case "last-resort":
      for (const family of FAMILIES) rib.markLongLivedStale(ids[next.peer]!, family);
      model.lastResort(next.peer);
      break;
    case "work":
      rib.work();
      break;
    case "import":
    case "export": {
      const policies = next.do === "import" ? model.imports : model.exports;
      policies[next.peer] = next.policy;
      const policy = {
        import: IMPORTS[model.imports[next.peer]!]!,
        export: EXPORTS[model.exports[next.peer]!]!,
      };
      rib.setPolicies(ids[next.peer]!, { "ipv4-unicast": policy, "ipv6-unicast": policy });
      break;
    }
    case "advertise":
      rib.advertise(next.set, next.routes);
      if (next.routes.length === 0) model.sets.delete(next.set);
      else model.sets.set(next.set, next.routes);
      break;
    case "refresh":
      for (const { out } of all.ends[next.peer] ?? []) out.refresh();
      break;
    case "send":
      for (const { out, receiver } of all.ends[next.peer] ?? []) receiver.listen(out, next.limit);
      break;
  }
}

/** All that was left for later. */
export function finish({ rib, ends }: World): void {
  while (rib.work());
  for (const { out, receiver } of ends.flat()) receiver.listen(out);
}

type Told = Extract<Step, { readonly do: "withdraw" }> | Extract<Step, { readonly do: "announce" }>;

/** With path identifiers, of peers that tell several paths; of others, 0 stands for none. */
function pathsOf({ peer, prefixes, pathId }: Told): { readonly prefix: string; readonly pathId: number }[] {
  const several = TELL_SEVERAL.has(PEERS[peer]!.name);
  return prefixes.map((prefix) => ({ prefix, pathId: several ? pathId : 0 }));
}

/** An UPDATE's worth each. */
function byFamily(told: Told) {
  const several = TELL_SEVERAL.has(PEERS[told.peer]!.name);
  return FAMILIES.map((family) =>
    pathsOf(told)
      .filter(({ prefix }) => familyOfPrefix(prefix) === family)
      .map(({ prefix, pathId }) => (several ? ([prefix, pathId] as const) : prefix)),
  ).filter((nlris) => nlris.length > 0);
}
