export {
  AddressRange,
  type AddressCounts,
  type AddressEntry,
  type AddressRangeOptions,
  type AddressState,
  type ReservedAddress,
} from "./address-range.ts";
export { BlockPool, type BlockCounts, type BlockEntry, type ClaimOutcome } from "./block-pool.ts";
export type { OwnedCidr } from "./disjoint-cidrs.ts";
export { NodeRanges, type NodeRangesOptions } from "./node-ranges.ts";
