/**
 * Export to monitoring stations, and what a station needs: RFC 7854.
 *
 * @packageDocumentation
 */
export { exportBmp, type BmpExporter, type BmpOptions, type BmpSource } from "./exporter.ts";
export type { StationAddress } from "./station.ts";
export * from "./wire.ts";
