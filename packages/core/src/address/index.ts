export {
  Address,
  compareAddresses,
  formatAddress,
  ipv4,
  readAddress,
  writeAddress,
  type Family,
} from "./address.ts";
export { parseAddress } from "./parse.ts";
export { Cidr, cidrAround, compareCidrs, formatCidr, hostCidr } from "./cidr.ts";
export { parseCidr } from "./parse-cidr.ts";
export { subtractCidrs, summarizeCidrs } from "./cidr-sets.ts";
export { formatMac, parseMac, readMac, writeMac, type Mac } from "./mac.ts";
