import type { Facts } from "../reference/facts.ts";
import type { Machine } from "../node/machine.ts";
import { KEYS } from "../store/keys.ts";
import type { Check } from "./invariant.ts";

/**
 * One label set, one number. A number that a pod bears, or that any datapath still names, means what it meant: it is
 * neither reclaimed nor given to other labels.
 */
export function identitiesCheck(machines: () => Iterable<Machine>, facts: Facts): Check {
  const bearers = (): string | undefined => {
    const numbers = new Map<string, number>();
    for (const pod of facts.livePods()) {
      if (!facts.nodes().some(({ name }) => name === pod.node)) continue;
      const labels = [...pod.labels].sort().join();
      const meaning = facts.meaningAt(pod.identity, Number.POSITIVE_INFINITY);
      if (meaning === undefined) return `${pod.key} bears identity ${pod.identity}, which is nobody's`;
      if ([...meaning].sort().join() !== labels)
        return `${pod.key} (${labels}) bears identity ${pod.identity}, which means ${meaning.join()}`;
      const other = numbers.get(labels) ?? pod.identity;
      if (other !== pod.identity) return `${labels} is ${other} and ${pod.identity} at once`;
      numbers.set(labels, pod.identity);
    }
    return undefined;
  };
  const named = (identity: number): string | undefined => {
    for (const { name, shadow } of machines()) {
      for (const [address, row] of shadow.ipcache)
        if (row.identity === identity) return `${name} names it for ${address}`;
      for (const [address, row] of shadow.endpoints)
        if (row.identity === identity) return `${name} has it on ${address}`;
    }
    return undefined;
  };
  return {
    name: "identity-in-use",
    onChange(change) {
      const key = change.type === "put" ? change.entry.key : change.key;
      if (key.startsWith(KEYS.endpoints)) return bearers();
      if (!key.startsWith(KEYS.identities)) return undefined;
      const identity = Number(key.slice(KEYS.identities.length));
      const user = change.type === "delete" ? named(identity) : undefined;
      return user === undefined ? bearers() : `identity ${identity} was reclaimed, and ${user}`;
    },
  };
}
