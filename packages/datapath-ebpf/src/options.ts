import { EventLevel, maps } from "@netloom/core/backend";
import type { Netns } from "@netloom/netlink";
import { refused } from "./errors.ts";

/** Which passes of packets make an event: see `enum event_level` in `bpf/schema/event.h`. */
export type EventChoice = "none" | "drops" | "flows" | "all";

export interface EbpfOptions {
  /** The node's network namespace: a name under `/run/netns`, a path, or a handle. @defaultValue the process's own */
  readonly netns?: string | Netns;
  /** The device towards the fabric. @defaultValue the one that has the node's address */
  readonly uplink?: string;
  /** Where a bpf file system is, or is to be mounted. @defaultValue "/sys/fs/bpf" */
  readonly bpffs?: string;
  /** Directory on it for this node's pins. @defaultValue `<bpffs>/netloom/<node>` */
  readonly pinPath?: string;
  /** @defaultValue "flows" */
  readonly events?: EventChoice;
  /** How often the ring buffer of events is looked at, in milliseconds. @defaultValue 20 */
  readonly pollMs?: number;
  /** Pods reach the world under the node's address. @defaultValue true */
  readonly masquerade?: boolean;
  /** Entries that a map takes, by its name in `bpf/lib/maps.h`. @defaultValue `enum limits` in `bpf/schema/common.h` */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** The object file. @defaultValue the one that comes with this package */
  readonly object?: Uint8Array;
}

/** Options, checked, with their defaults. */
export interface EbpfConfig {
  readonly netns: string | Netns | undefined;
  readonly uplink: string | undefined;
  readonly bpffs: string;
  readonly pinPath: string | undefined;
  readonly eventLevel: number;
  readonly pollMs: number;
  readonly masquerade: boolean;
  readonly maxEntries: Readonly<Record<string, number>>;
  readonly object: Uint8Array | undefined;
}

const LEVELS: Readonly<Record<EventChoice, number>> = {
  none: EventLevel.EVENTS_NONE,
  drops: EventLevel.EVENTS_DROPS,
  flows: EventLevel.EVENTS_FLOWS,
  all: EventLevel.EVENTS_ALL,
};

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function parseOptions(options: EbpfOptions): EbpfConfig {
  const bpffs = options.bpffs ?? "/sys/fs/bpf";
  for (const [name, path] of [["bpffs", bpffs] as const, ["pinPath", options.pinPath] as const]) {
    if (path !== undefined && !path.startsWith("/")) throw invalid(name, path, "give an absolute path");
  }
  if (options.pinPath !== undefined && !`${options.pinPath}/`.startsWith(`${bpffs}/`)) {
    throw invalid("pinPath", options.pinPath, `give a directory below ${bpffs}, or set bpffs too`);
  }
  const events = options.events ?? "flows";
  const eventLevel = LEVELS[events];
  if (eventLevel === undefined)
    throw invalid("events", events, `write one of ${Object.keys(LEVELS).join(", ")}`);
  const pollMs = options.pollMs ?? 20;
  if (!(pollMs >= 1)) throw invalid("pollMs", pollMs, "write milliseconds, 1 or more");
  const known = new Set(Object.values(maps).map(({ name }) => name));
  for (const [name, entries] of Object.entries(options.maxEntries ?? {})) {
    if (!known.has(name)) throw invalid("maxEntries", name, `known maps: ${[...known].join(", ")}`);
    if (!Number.isInteger(entries) || entries < 1) {
      throw invalid(`maxEntries.${name}`, entries, "write a whole number, 1 or more");
    }
  }
  return {
    netns: options.netns,
    uplink: options.uplink,
    bpffs,
    pinPath: options.pinPath,
    eventLevel,
    pollMs,
    masquerade: options.masquerade ?? true,
    maxEntries: options.maxEntries ?? {},
    object: options.object,
  };
}

function invalid(option: string, input: string | number, remedy: string): Error {
  return refused("ERR_OPTIONS_INVALID", `option ${option} ${input} is not acceptable`, { input, remedy });
}
