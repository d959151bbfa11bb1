import { NetloomError } from "@netloom/core";
import {
  isOurs,
  withAddresses,
  withInterface,
  withoutAddresses,
  withoutInterface,
  type Change,
} from "./inventory.ts";
import type { Intent } from "./journal.ts";
import type { CloudAction } from "./planning.ts";
import type { CloudCall, CloudNode, CloudProvider, NodeInventory } from "./provider.ts";

export interface Sending {
  readonly provider: CloudProvider;
  readonly node: CloudNode;
  /** Security groups of new interfaces. */
  readonly securityGroups?: readonly string[];
}

/**
 * Asks the cloud for what an intent says. Resolves to what that has changed.
 *
 * @param inventory - as it is known before
 */
export async function send(
  { provider, node, securityGroups }: Sending,
  intent: Intent,
  inventory: NodeInventory,
  call: CloudCall,
): Promise<Change> {
  const { action } = intent;
  const version = inventory.version === undefined ? {} : { version: inventory.version };
  switch (action.do) {
    case "assign": {
      const { interface: id, family, prefix, count } = action;
      const cidrs = await provider.assign({ node, interface: id, family, prefix, count, ...version }, call);
      return (known) => forgetVersion(withAddresses(known, id, cidrs));
    }
    case "add-interface":
    case "finish-interface": {
      if (provider.ensureInterface === undefined) throw unsupported(provider, "ensureInterface");
      // Known already: the provider need not read them.
      const groups = securityGroups ?? inventory.interfaces.find(({ primary }) => primary)?.securityGroups;
      const made = await provider.ensureInterface(
        {
          node,
          pool: action.pool,
          want: action.do === "add-interface" ? action.want : [],
          ...(action.do === "add-interface" && action.index !== undefined ? { index: action.index } : {}),
          ...(groups === undefined ? {} : { securityGroups: groups }),
        },
        call,
      );
      return (known) => withInterface(known, made);
    }
    case "release":
      if (provider.unassign === undefined) throw unsupported(provider, "unassign");
      await provider.unassign({ node, interface: action.interface, cidrs: action.cidrs, ...version }, call);
      return (known) => forgetVersion(without(action)(known));
    case "remove-interface":
      if (provider.removeInterface === undefined) throw unsupported(provider, "removeInterface");
      assertOurs(action.interface, inventory);
      await provider.removeInterface({ node: intent.node, interface: action.interface }, call);
      return without(action);
  }
}

/** What a removal takes away. */
export function without(action: CloudAction): Change {
  if (action.do === "release") return (known) => withoutAddresses(known, action.interface, action.cidrs);
  if (action.do === "remove-interface") return (known) => withoutInterface(known, action.interface);
  return (known) => known;
}

/** Before anything irrevocable, once more. */
function assertOurs(id: string, { interfaces }: NodeInventory): void {
  const known = interfaces.find((one) => one.id === id);
  if (known === undefined || (isOurs(known) && !known.primary)) return;
  throw new NetloomError("ERR_IPAM_FOREIGN", `interface ${id} is not ours to remove`, {
    input: id,
    backend: "cloud",
  });
}

function unsupported({ name }: CloudProvider, method: string): NetloomError {
  return new NetloomError("ERR_UNSUPPORTED", `${name} has no ${method}`, {
    input: method,
    remedy: "declare so in its capabilities",
    backend: "cloud",
  });
}

/** The answer did not tell the new one. */
function forgetVersion({ node, interfaces }: NodeInventory): NodeInventory {
  return { node, interfaces };
}
