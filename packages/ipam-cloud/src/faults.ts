import { messageOf, NetloomError, type NetloomErrorOptions } from "@netloom/core";
import type { Setback } from "./packing.ts";
import type { CloudAction, Shortage } from "./planning.ts";
import type { CloudFault, CloudNode, CloudPool, NodeInventory } from "./provider.ts";

/**
 * A fault as people and callers see it: what it is called, and what to do about it.
 *
 * @param pools - as they were when they were read last
 */
export function explain(
  backend: string,
  node: CloudNode,
  fault: CloudFault,
  cause: unknown,
  pools: readonly CloudPool[] = [],
): NetloomError {
  const where = `${node.name} (${node.instance})`;
  const make = (code: string, message: string, options: NetloomErrorOptions): NetloomError =>
    new NetloomError(code, `${message}: ${messageOf(cause)}`, { input: fault, backend, cause, ...options });
  switch (fault.kind) {
    case "throttled":
      return make("ERR_CLOUD_THROTTLED", `the cloud throttles ${where}`, { retryable: true });
    case "exhausted":
      return make("ERR_POOL_EXHAUSTED", `${where} gets no more: ${exhausted(fault.what, fault.id, pools)}`, {
        retryable: true,
        remedy: REMEDIES[fault.what],
      });
    case "conflict":
      return make("ERR_CLOUD_CONFLICT", `somebody else has changed ${where} (${fault.what})`, {
        retryable: true,
      });
    case "gone":
      // What has just been made is not seen yet; what is gone for good is planned around.
      return make("ERR_CLOUD_GONE", `an ${fault.what} of ${where} is gone`, { retryable: true });
    case "denied":
      return make("ERR_PERMISSION", `the account may not do ${fault.action}`, {
        remedy: `allow ${fault.action} to the node's role`,
      });
    case "credentials":
      return make("ERR_PERMISSION", `the credentials are not accepted (${fault.why})`, {
        retryable: true,
        remedy: CREDENTIALS[fault.why],
      });
    case "transient":
      return make("ERR_CLOUD_UNAVAILABLE", `the cloud failed ${where} for a moment`, { retryable: true });
    case "invalid":
      return make("ERR_CLOUD_INVALID", `the cloud does not take a request for ${where}`, {});
    case "ambiguous":
      return make("ERR_AMBIGUOUS", `the cloud may have done what ${where} asked for, or not`, {
        retryable: true,
      });
  }
}

/** What to do where there is no more of it. */
export function remedyFor(what: Setback["what"]): string {
  const known: Readonly<Record<string, string>> = REMEDIES;
  return known[what] ?? "see what was refused before";
}

const REMEDIES: Readonly<Record<Extract<CloudFault, { kind: "exhausted" }>["what"], string>> = {
  "pool-addresses": "add a subnet, or free addresses of it",
  "pool-blocks": "reserve part of the subnet for blocks, add a subnet, or allow single addresses",
  "interface-slots": "use blocks, or a larger instance type",
  "node-interfaces": "use blocks, or a larger instance type",
  quota: "ask the cloud for a larger quota",
};

const CREDENTIALS: Readonly<Record<Extract<CloudFault, { kind: "credentials" }>["why"], string>> = {
  missing: "give the node a role, or the process credentials",
  expired: "renew them",
  "clock-skew": "set the node's clock right",
};

/** In words, for messages. */
export function exhausted(
  what: Setback["what"],
  id: string | undefined,
  pools: readonly CloudPool[] = [],
): string {
  const of = id === undefined ? "" : ` ${id}`;
  switch (what) {
    case "pool-addresses":
      return id === undefined
        ? "no pool has free addresses"
        : `pool${of} has no free addresses${counted(id, pools)}`;
    case "pool-blocks":
      return `pool${of} has no whole block that is free${counted(id, pools)}`;
    case "interface-slots":
      return `the instance's interfaces can have no more addresses`;
    case "node-interfaces":
      return "the instance can have no more interfaces";
    case "quota":
      return `the quota${of} is used up`;
    case "refused":
      return "the cloud refuses what this node asks for";
    case "pool-failing":
      return `pool${of} cannot be used at the moment`;
    case "paused":
      return "the cloud has failed a moment ago";
  }
}

/** What the cloud says of a pool: others may have taken from it since, and not everything it counts can be had. */
function counted(id: string | undefined, pools: readonly CloudPool[]): string {
  const free = pools.find((pool) => pool.id === id)?.freeAddresses ?? {};
  const counts = Object.entries(free).map(([family, count]) => `${count} of IPv${family}`);
  return counts.length === 0 ? "" : ` (when it was read the cloud counted ${counts.join(" and ")})`;
}

/** A fault with the pool in it that the cloud did not name. */
export function located(fault: CloudFault, action: CloudAction, inventory: NodeInventory): CloudFault {
  if (fault.kind !== "exhausted" || fault.id !== undefined) return fault;
  const id = concerned(fault.what, action, inventory);
  return id === undefined ? fault : { ...fault, id };
}

/** What is not to be asked for again for a while. */
export function setbackOf(fault: CloudFault, action: CloudAction, inventory: NodeInventory): Stop {
  const finishes = action.do === "finish-interface";
  switch (fault.kind) {
    case "credentials":
      return { what: "refused" };
    case "denied":
    case "invalid":
      return { what: "refused", id: action.do };
    case "exhausted": {
      const { what } = fault;
      // It is made already: what there is no more of keeps nobody else from growing.
      if (finishes) return { what: "refused", id: action.do };
      // Whatever interface the cloud names, it is none of those there are.
      if (what === "interface-slots" && action.do === "add-interface") return { what };
      const id = fault.id ?? concerned(what, action, inventory);
      return what === "node-interfaces" || what === "quota" || id === undefined ? { what } : { what, id };
    }
    default: {
      const [pool, paused] = passingOf(action, inventory);
      // Another pool does not help it.
      if (finishes) return paused!;
      const isOfPool = fault.kind === "transient" || (fault.kind === "gone" && fault.what === "pool");
      return isOfPool ? pool! : paused!;
    }
  }
}

/** A setback, without its end. */
export type Stop = Omit<Setback, "until">;

/** Those that end by themselves: whoever waits goes on waiting. */
export function isPassing(what: Shortage["why"]): what is "paused" | "pool-failing" {
  return what === "paused" || what === "pool-failing";
}

/** What may be said of an action that fails for something that passes: the narrower first. */
export function passingOf(action: CloudAction, inventory: NodeInventory): readonly Stop[] {
  const removes = action.do === "release" || action.do === "remove-interface";
  const paused: Stop = { what: "paused", id: removes ? "shrinking" : "growth" };
  const pool = removes ? undefined : concerned("pool-failing", action, inventory);
  return [pool === undefined ? paused : { what: "pool-failing", id: pool }, paused];
}

export function nameOf({ what, id = "" }: Stop): string {
  return `${what} ${id}`;
}

function concerned(what: Setback["what"], action: CloudAction, inventory: NodeInventory): string | undefined {
  if (action.do === "add-interface" || action.do === "finish-interface")
    return what.startsWith("pool-") ? action.pool : undefined;
  if (!what.startsWith("pool-")) return action.interface;
  return inventory.interfaces.find(({ id }) => id === action.interface)?.pool;
}
