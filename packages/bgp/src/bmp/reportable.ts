import { encodeAttributes } from "../wire/attributes/encode.ts";
import type { WireContext } from "../wire/context.ts";
import { prefixSource, readNlri, type NlriRun } from "../wire/nlri.ts";
import { packReach, packWithdraw, type Packed, type PrefixSource } from "../wire/pack.ts";
import type { Update } from "../wire/update.ts";

/**
 * UPDATEs for a station, which cannot be trusted to handle errors as we do (RFC 7606): what had none as it came, of any other
 * what we have made of it.
 */
export function reportable(message: Uint8Array, update: Update, context: WireContext): readonly Uint8Array[] {
  if (update.faults.length === 0) return [message];
  return [
    ...update.withdrawn.flatMap((run) =>
      packed(run, (source, from) => packWithdraw(context, run.family, source, from, run.count)),
    ),
    ...update.reach.flatMap(({ run, attributes }) => {
      const encoded = encodeAttributes(attributes(), context, run.family);
      return packed(run, (source, from) => packReach(context, run.family, encoded, source, from, run.count));
    }),
  ];
}

function packed(
  run: NlriRun,
  pack: (source: PrefixSource, from: number) => Packed | undefined,
): Uint8Array[] {
  const source = prefixSource([...readNlri(run)], run.addPath);
  const messages: Uint8Array[] = [];
  for (let from = 0; from < run.count;) {
    const next = pack(source, from);
    if (next === undefined) break;
    messages.push(next.message);
    from += next.taken;
  }
  return messages;
}
