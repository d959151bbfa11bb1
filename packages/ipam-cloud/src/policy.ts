import { NetloomError } from "@netloom/core";
import type { Targets } from "./targets.ts";
import type { Watermarks } from "./watermarks.ts";

/** How much a node keeps, and of what. Times in milliseconds. */
export interface CloudPolicy {
  /** How many addresses are kept. */
  readonly warm:
    | { readonly by: "watermarks"; readonly watermarks: Watermarks }
    | { readonly by: "targets"; readonly targets: Targets };
  /** Whole blocks first, where the cloud has them. */
  readonly blocks: boolean;
  /** Single addresses where no pool has whole blocks any more, until one has them again. */
  readonly singles: boolean;
  /** Give back what has been idle for this long, or never. */
  readonly excessDelay: number | "keep";
}

export interface CloudPolicyOptions extends Partial<Watermarks> {
  /** In place of the watermarks. */
  readonly targets?: Targets;
  /** Whole blocks first, where the cloud has them. @defaultValue true */
  readonly blocks?: boolean;
  /** Single addresses where no pool has whole blocks any more. @defaultValue true */
  readonly singles?: boolean;
  /** Give back what has been idle for so many milliseconds, or `keep` it. @defaultValue 180000 */
  readonly excessDelay?: number | "keep";
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function cloudPolicy(options: CloudPolicyOptions = {}): CloudPolicy {
  const { targets, blocks = true, singles = true, excessDelay = 180_000 } = options;
  const watermarks: Watermarks = {
    preAllocate: options.preAllocate ?? 8,
    minAllocate: options.minAllocate ?? 0,
    maxAllocate: options.maxAllocate ?? Infinity,
    maxAboveWatermark: options.maxAboveWatermark ?? 0,
  };
  for (const [name, value] of Object.entries({ ...watermarks, ...targets })) checkCount(name, value);
  if (excessDelay !== "keep") checkCount("excessDelay", excessDelay);
  for (const [name, most] of Object.entries({
    maxAllocate: watermarks.maxAllocate,
    "targets.maxAddresses": targets?.maxAddresses ?? Infinity,
  }))
    if (most < 2) throw invalid(name, most, "write 2 or more: the node itself takes one");
  if (watermarks.maxAllocate < watermarks.minAllocate)
    throw invalid("maxAllocate", watermarks.maxAllocate, `write at least minAllocate`);
  return {
    warm: targets === undefined ? { by: "watermarks", watermarks } : { by: "targets", targets },
    blocks,
    singles,
    excessDelay,
  };
}

/** Free addresses of a family below which more are asked for soon. */
export function lowMark({ warm }: CloudPolicy): number {
  const kept = warm.by === "watermarks" ? warm.watermarks.preAllocate : warm.targets.warmAddresses;
  return kept === undefined ? Infinity : kept / 2;
}

/** Addresses of a family that the node has at most, and the option that says so. */
export function mostOf({ warm }: CloudPolicy): { readonly option: string; readonly count: number } {
  return warm.by === "watermarks"
    ? { option: "maxAllocate", count: warm.watermarks.maxAllocate }
    : { option: "targets.maxAddresses", count: warm.targets.maxAddresses ?? Infinity };
}

function checkCount(name: string, value: unknown): void {
  if (
    value === undefined ||
    (typeof value === "number" && value >= 0 && (Number.isInteger(value) || value === Infinity))
  )
    return;
  throw invalid(name, value, "write a whole number");
}

function invalid(option: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${option} ${String(input)} is not acceptable`, {
    input,
    remedy,
    backend: "cloud",
  });
}
