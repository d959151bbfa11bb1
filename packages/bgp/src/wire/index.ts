export { type EncodedAttributes, encodeAttributes } from "./attributes/encode.ts";
export {
  encodeEndOfRib,
  MAX_PREFIX,
  type Packed,
  packReach,
  packWithdraw,
  type PrefixSource,
} from "./pack.ts";
