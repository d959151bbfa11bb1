import type { Facts, PodFact } from "../reference/facts.ts";
import type { Machine } from "../node/machine.ts";
import type { Check } from "./invariant.ts";

/**
 * An address has one live owner in the whole cluster, as the datapaths see it, and nobody gets it before every datapath
 * that knew the old owner has forgotten it.
 */
export function addressesCheck(machines: () => Iterable<Machine>, facts: Facts): Check {
  const ownerOf = (address: string, node: string): PodFact | undefined =>
    facts
      .livePods()
      .filter((pod) => pod.node === node && pod.addresses.includes(address))
      .reduce<PodFact | undefined>(
        (newest, pod) => (newest === undefined || pod.created > newest.created ? pod : newest),
        undefined,
      );
  /** Does what `viewer` believes of an address fit the pod that has it? */
  const stale = (viewer: Machine, address: string, holder: Machine): string | undefined => {
    const row = viewer.shadow.ipcache.get(address);
    const owner = row === undefined ? undefined : ownerOf(address, holder.name);
    if (row === undefined || owner === undefined) return undefined;
    const tunnel = viewer === holder ? undefined : holder.address;
    if (row.tunnel === tunnel && facts.identitiesOf(owner).has(row.identity)) return undefined;
    return (
      `${address} is ${owner.name}'s on ${holder.name} now, and ${viewer.name} still takes it for ` +
      `identity ${row.identity} behind ${row.tunnel ?? "itself"}`
    );
  };
  const holders = (address: string): Machine[] =>
    [...machines()].filter(({ shadow }) => shadow.endpoints.has(address));
  return {
    name: "address-unique",
    onEndpoint(machine, address) {
      if (!machine.shadow.endpoints.has(address)) return undefined;
      const [one, other] = holders(address);
      if (one !== undefined && other !== undefined)
        return `${address} has a pod on ${one.name} and another on ${other.name}`;
      for (const viewer of machines()) {
        const wrong = stale(viewer, address, machine);
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    },
    onAddress(machine, address) {
      const [holder] = holders(address);
      return holder === undefined ? undefined : stale(machine, address, holder);
    },
  };
}

/** What the store says of addresses: one live owner, never a reserved one. */
export function bindingsCheck(facts: Facts, isReserved: (node: string, address: string) => boolean): Check {
  return {
    name: "binding-unique",
    onChange(change) {
      if (change.type !== "put" || !change.entry.key.includes("/state/endpoints/")) return undefined;
      const pods = facts.pods().filter(({ node }) => facts.nodes().some(({ name }) => name === node));
      const owners = new Map<string, PodFact>();
      for (const pod of pods) {
        for (const address of pod.addresses) {
          if (isReserved(pod.node, address)) return `${address} is reserved and went to ${pod.name}`;
          const other = owners.get(address);
          // A node that left and came back may find what its range was used for before it was taken back.
          const apart = other?.node !== pod.node && (other?.state !== "live" || pod.state !== "live");
          if (other !== undefined && !apart)
            return `${address} is bound to ${other.key} (${other.state}) and to ${pod.key} (${pod.state})`;
          owners.set(address, pod);
        }
      }
      return undefined;
    },
  };
}
