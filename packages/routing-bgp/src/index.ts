export * from "./resources/index.ts";
export { desired, withExports } from "./advertise.ts";
export type { AdvertisedFacts, PoolFact, RouteSet, ServiceFact } from "./advertise.ts";
