export { parseAdvertisement, type ParsedAdvertisement, type ParsedEntry } from "./parse-advertisement.ts";
export { parseClusterConfig, type ParsedClusterConfig } from "./parse-cluster-config.ts";
export { parseNodeOverride } from "./parse-node-override.ts";
export { parsePeerConfig, type ParsedPeerConfig, type ParsedPeerFamily } from "./parse-peer-config.ts";
export { resolve } from "./resolve.ts";
export type {
  BgpCondition,
  BgpConditionType,
  BgpResources,
  NamedEntry,
  PeerExport,
  Resolution,
  ResolvedInstance,
  ResolveOptions,
} from "./resolve.ts";
export { WELL_KNOWN_COMMUNITIES } from "./types.ts";
export type * from "./types.ts";
