import type { Collection } from "@netloom/bpf-loader";
import type { Netns } from "@netloom/netlink";
import type { Connections } from "./connections.ts";
import type { Listener } from "./listener.ts";
import type { Replayer } from "./replayer.ts";
import type { Scene } from "./scene.ts";

/** All that a measurement needs. */
export interface Bench {
  readonly rounds: number;
  readonly scene: Scene;
  readonly replayer: Replayer;
  readonly listener: Listener;
  readonly connections: Connections;
  readonly netns: Netns;
  readonly floor: Collection;
  readonly parts: Collection;
}
