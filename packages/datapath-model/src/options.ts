import { formatCidr, messageOf, NetloomError, parseCidr, systemRuntime, type Runtime } from "@netloom/core";
import { EventLevel } from "@netloom/core/backend";
import type { MemoryMapSizes } from "@netloom/core/memory";
import { modelFabric, type ModelFabric } from "./fabric/fabric.ts";
import type { ModelRoute } from "./fabric/routes.ts";

/** Which passes of packets make an event: see `enum event_level` in `bpf/schema/event.h`. */
export type EventChoice = "none" | "drops" | "flows" | "all";

export interface ModelDatapathOptions {
  /** What connects the nodes. @defaultValue one of its own: a node alone */
  readonly fabric?: ModelFabric;
  /** @defaultValue "flows" */
  readonly events?: EventChoice;
  /** Pods reach the world under the node's address. @defaultValue true */
  readonly masquerade?: boolean;
  /** Prefixes on the link of the node's uplink. @defaultValue everything: the fabric is one segment */
  readonly networks?: readonly string[];
  /** The node's own routes, beside those and what the agent plans. @defaultValue none */
  readonly routes?: readonly ModelRoute[];
  /** Entries a map takes, by its name. @defaultValue what the schema says */
  readonly maxEntries?: MemoryMapSizes;
  /** Time and chance before the agent brings its own. @defaultValue the fabric's */
  readonly runtime?: Runtime;
}

/** Options, checked, with their defaults. */
export interface ModelConfig {
  readonly fabric: ModelFabric;
  readonly eventLevel: number;
  readonly masquerade: boolean;
  readonly networks: readonly string[];
  readonly routes: readonly ModelRoute[];
  readonly maxEntries: MemoryMapSizes;
  readonly runtime: Runtime;
}

const LEVELS: Readonly<Record<EventChoice, number>> = {
  none: EventLevel.EVENTS_NONE,
  drops: EventLevel.EVENTS_DROPS,
  flows: EventLevel.EVENTS_FLOWS,
  all: EventLevel.EVENTS_ALL,
};

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function parseOptions(options: ModelDatapathOptions): ModelConfig {
  const events = options.events ?? "flows";
  const eventLevel = LEVELS[events];
  if (eventLevel === undefined) {
    throw invalid("events", events, `write one of ${Object.keys(LEVELS).join(", ")}`);
  }
  for (const [name, entries] of Object.entries(options.maxEntries ?? {})) {
    if (!Number.isInteger(entries) || entries < 1) {
      throw invalid(`maxEntries.${name}`, entries, "write a whole number, 1 or more");
    }
  }
  canonical(
    "routes",
    (options.routes ?? []).map(({ to }) => to),
  );
  const fabric = options.fabric ?? modelFabric({ runtime: options.runtime ?? systemRuntime });
  return {
    fabric,
    eventLevel,
    masquerade: options.masquerade ?? true,
    networks: canonical("networks", options.networks ?? ["0.0.0.0/0"]),
    routes: options.routes ?? [],
    maxEntries: options.maxEntries ?? {},
    runtime: options.runtime ?? fabric.runtime,
  };
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID` where one is no prefix. */
function canonical(option: string, prefixes: readonly string[]): readonly string[] {
  return prefixes.map((prefix) => {
    try {
      return formatCidr(parseCidr(prefix));
    } catch (error) {
      throw invalid(option, prefix, messageOf(error));
    }
  });
}

function invalid(option: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${option} ${String(input)} is not acceptable`, {
    input,
    remedy,
    backend: "model",
  });
}
