import { existsSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { openPinnedLink, queryTcx, type Direction, type Link } from "@netloom/bpf-loader";
import type { HookName } from "@netloom/core";
import type { Netns } from "@netloom/netlink";
import { removeEmptyDirectories } from "./bpffs.ts";
import { isMissing } from "./errors.ts";

/** The side of a device that each hook is. */
export const DIRECTIONS: Readonly<Record<HookName, Direction>> = {
  "from-container": "ingress",
  "to-container": "egress",
  "from-overlay": "ingress",
  "from-netdev": "ingress",
  "to-netdev": "egress",
};

/**
 * What a link is attached to: one of the node's two devices, one that pods' addresses belong to, or the node side of a
 * pod's interface, by its name.
 */
export type Place = "uplink" | "overlay" | (string & {});

interface PinnedLink {
  readonly path: string;
  readonly place: Place;
  readonly hook: HookName;
}

/**
 * The pins of one node: `maps/<name>`, `links/<place>-<hook>`. Names on a bpf file system contain no dot, names of
 * nodes do.
 */
export class Pins {
  readonly maps: string;
  readonly #root: string;
  readonly #links: string;
  readonly #bpffs: string;

  constructor(root: string, bpffs: string) {
    this.#root = root;
    this.#bpffs = bpffs;
    this.maps = join(root, "maps");
    this.#links = join(root, "links");
  }

  /** Where the pins of a node are if nobody says otherwise. */
  static rootOf(node: string, bpffs: string): string {
    return join(bpffs, "netloom", node.replaceAll(".", "+"));
  }

  /**
   * The pins whose links are attached to devices of a namespace: how a node's are found without its name. Numbers of
   * links are the whole machine's, so no other namespace's are taken for them.
   */
  static find(netns: Netns, bpffs: string): Pins[] {
    const directory = join(bpffs, "netloom");
    return list(directory)
      .map((node) => new Pins(join(directory, node), bpffs))
      .filter((pins) => pins.links().some((link) => attachedIn(netns, link)));
  }

  get exist(): boolean {
    return existsSync(this.#root);
  }

  linkPath(place: Place, hook: HookName): string {
    return join(this.#links, `${place}-${hook}`);
  }

  links(): PinnedLink[] {
    return list(this.#links).flatMap((file) => {
      const hook = (Object.keys(DIRECTIONS) as HookName[]).find((name) => file.endsWith(`-${name}`));
      if (hook === undefined) return [];
      return [{ path: join(this.#links, file), place: file.slice(0, -hook.length - 1), hook }];
    });
  }

  /** The link of a device that is going, or gone. */
  removeLink(place: Place, hook: HookName): void {
    removePin(this.linkPath(place, hook));
  }

  /** Removes all of them. What nothing else uses goes with its pin: programs leave their hooks, maps are forgotten. */
  remove(): void {
    for (const directory of [this.#links, this.maps]) {
      for (const file of list(directory)) removePin(join(directory, file));
      removeEmptyDirectories(directory, this.#bpffs);
    }
    removeEmptyDirectories(this.#root, this.#bpffs);
  }
}

/** The pinned link, if there is one. */
export function openLink(path: string): Link | undefined {
  return existsSync(path) ? openPinnedLink(path) : undefined;
}

export function removePin(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function attachedIn(netns: Netns, { path, hook }: PinnedLink): boolean {
  using link = openLink(path);
  const { id, ifindex = 0 } = link?.info() ?? { id: 0 };
  if (ifindex === 0) return false;
  try {
    return queryTcx(ifindex, DIRECTIONS[hook], { netns }).programs.some(({ linkId }) => linkId === id);
  } catch {
    return false; // no device has that index here
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
