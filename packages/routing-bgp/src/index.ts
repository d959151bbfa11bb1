/**
 * Routing by BGP: tells the fabric where pods and services are, and learns from it.
 *
 * @packageDocumentation
 */

// The backend.
export { bgp } from "./bgp.ts";
export type { BgpRouting, BgpRoutingEvents } from "./bgp.ts";
export type {
  BgpOptions,
  CommonBgpOptions,
  StaticBgpOptions,
  StaticPeer,
  StoredBgpOptions,
} from "./options.ts";
export type { BgpStatus, InstanceStatus } from "./status.ts";

// Where a speaker runs.
export type {
  DriverEvents,
  ErrorReport,
  RouteSets,
  RoutesQuery,
  SpeakerDriver,
  SpeakerSettings,
} from "./driver.ts";
export { localDriver } from "./local-driver.ts";
export type { LocalDriverOptions } from "./local-driver.ts";
export type { SpeakerFactory } from "./host.ts";
export { systemSpeakers } from "./sys/system-speakers.ts";
export type { SystemSpeakersOptions } from "./sys/system-speakers.ts";
export { processDriver } from "./process/process-driver.ts";
export type { ProcessDriverOptions } from "./process/process-driver.ts";
export { bootId, stateFile } from "./restart-state.ts";
export type { StateFile } from "./restart-state.ts";

// How it is configured, and what that means.
export * from "./resources/index.ts";
export { desired, withExports } from "./advertise.ts";
export type { AdvertisedFacts, PoolFact, RouteSet } from "./advertise.ts";
export { mergeAttributes } from "./attributes.ts";

// Learned routes in the kernel.
export { kernelRouteTable } from "./sys/kernel-table.ts";
export type { KernelTableOptions } from "./sys/kernel-table.ts";
export type { KernelNextHop, KernelRoute, RouteRefusal, RouteTable, RouteWrite } from "./kernel-routes.ts";

// For people, and for Prometheus.
export { formatNeighbor } from "./text/neighbor.ts";
export { formatRoutes } from "./text/routes.ts";
export { neighbor, rib, summary } from "./text/show.ts";
export type { Shown } from "./text/show.ts";
export { formatSummary } from "./text/summary.ts";
export { bgpMetrics, bgpPrometheusText } from "./metrics.ts";
export type { Metric, MetricSample } from "./metrics.ts";
