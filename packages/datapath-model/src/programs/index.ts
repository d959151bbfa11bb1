import type { HookName } from "@netloom/core";
import { Hook } from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";
import type { Packet } from "../walk/packet.ts";
import { dropped } from "../walk/report.ts";
import { Drop, type Verdict } from "../walk/verdict.ts";
import { Walk } from "../walk/walk.ts";
import { fromContainer } from "./from-container.ts";
import { fromNetdev } from "./from-netdev.ts";
import { fromOverlay } from "./from-overlay.ts";
import { toContainer } from "./to-container.ts";
import { toNetdev } from "./to-netdev.ts";

interface Program {
  readonly hook: Hook;
  readonly run: (walk: Walk) => Verdict;
}

const PROGRAMS: Readonly<Record<HookName, Program>> = {
  "from-container": { hook: Hook.HOOK_FROM_CONTAINER, run: fromContainer },
  "to-container": { hook: Hook.HOOK_TO_CONTAINER, run: toContainer },
  "from-overlay": { hook: Hook.HOOK_FROM_OVERLAY, run: fromOverlay },
  "from-netdev": { hook: Hook.HOOK_FROM_NETDEV, run: fromNetdev },
  "to-netdev": { hook: Hook.HOOK_TO_NETDEV, run: toNetdev },
};

/** One pass of one packet through one program. Changes the packet's bytes, the node's maps, and tells of it. */
export function pass(node: NodeState, packet: Packet, at: HookName): Verdict {
  const { hook, run } = PROGRAMS[at];
  const walk = new Walk(node, packet, hook);
  try {
    return run(walk);
  } catch (error) {
    if (error instanceof Drop) return dropped(walk, error);
    throw error;
  }
}
