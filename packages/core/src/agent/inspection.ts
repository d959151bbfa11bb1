import type { Event } from "../datapath/schema.generated.ts";
import type { DatapathContext, DatapathMaps } from "../ports/datapath.ts";
import type { Flow } from "./flows.ts";
import type { Provenances } from "./provenance.ts";

/**
 * A node's datapath, laid open for tools that explain or compare: what is in force, or what a change would make of it.
 */
export interface Inspection {
  readonly node: string;
  readonly context: DatapathContext;
  /** To be read only. */
  readonly maps: DatapathMaps;
  readonly provenance: Provenances;
  /** Milliseconds on the clock that `expires` fields count (in nanoseconds). */
  now(): number;
  /** Gives an event its names. */
  describe(event: Event): Flow;
}
