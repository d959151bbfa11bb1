import { checkNames, checkTime, invalid, isWhole } from "./option-checks.ts";
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

const MARKS = ["preAllocate", "minAllocate", "maxAllocate", "maxAboveWatermark"] as const;
const TARGETS = [
  "warmAddresses",
  "minimumAddresses",
  "warmBlocks",
  "warmInterfaces",
  "maxAddresses",
] as const;
/** Those that may be without end. */
const CAPS: ReadonlySet<string> = new Set(["maxAllocate", "targets.maxAddresses"]);

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function cloudPolicy(options: CloudPolicyOptions = {}): CloudPolicy {
  checkNames("policy", options, [...MARKS, "targets", "blocks", "singles", "excessDelay"]);
  const { targets, blocks = true, singles = true, excessDelay = 180_000 } = options;
  const marked = MARKS.find((name) => options[name] !== undefined);
  if (targets !== undefined) {
    checkNames("targets", targets, TARGETS);
    if (marked !== undefined) throw invalid(marked, options[marked], "write watermarks or targets, not both");
    for (const name of TARGETS) checkCount(`targets.${name}`, targets[name]);
  }
  for (const name of MARKS) checkCount(name, options[name]);
  for (const [name, value] of Object.entries({ blocks, singles }))
    if (typeof value !== "boolean") throw invalid(name, value, "write true or false");
  if (excessDelay !== "keep") checkTime("excessDelay", excessDelay);
  const watermarks: Watermarks = {
    preAllocate: options.preAllocate ?? 8,
    minAllocate: options.minAllocate ?? 0,
    maxAllocate: options.maxAllocate ?? Infinity,
    maxAboveWatermark: options.maxAboveWatermark ?? 0,
  };
  if (watermarks.maxAllocate < watermarks.minAllocate)
    throw invalid("maxAllocate", watermarks.maxAllocate, "write at least minAllocate");
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
  if (value === undefined) return;
  const isCap = CAPS.has(name);
  if (!isWhole(value) && !(isCap && value === Infinity)) throw invalid(name, value, "write a whole number");
  if (isCap && value < 2) throw invalid(name, value, "write 2 or more: the node itself takes one");
}
