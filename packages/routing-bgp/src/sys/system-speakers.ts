import { createSpeaker, tcp } from "@netloom/bgp";
import { Rtnl } from "@netloom/netlink";
import type { SpeakerFactory } from "../host.ts";
import { SharedBfd } from "./shared-bfd.ts";

export interface SystemSpeakersOptions {
  /** Path of the network namespace of all sockets, e.g. `/run/netns/node1`. @defaultValue the process's own */
  readonly netns?: string;
}

/** Speakers with all that a system has: TCP, BFD, and the kernel's knowledge of neighbours. Opens nothing before they start. */
export function systemSpeakers({ netns }: SystemSpeakersOptions = {}): SpeakerFactory {
  const where = netns === undefined ? {} : { netns };
  // One for all of them: BFD's port is taken once.
  const bfd = new SharedBfd(where);
  return (config, report) =>
    createSpeaker(config, {
      transport: tcp(where),
      failureDetector: bfd.detector(report),
      neighbourOn: (device) => neighbourOn(device, netns),
    });
}

/** Who cannot be reached is nobody to call. */
const UNREACHABLE: ReadonlySet<unknown> = new Set(["failed", "incomplete", "none"]);

/**
 * The link-local address of the one neighbour on a device: of the router, where one has made itself known, else of the
 * only one. `undefined` where there is none, or nobody can say which.
 */
function neighbourOn(device: string, netns?: string): string | undefined {
  const rtnl = Rtnl.open(netns === undefined ? {} : { netns });
  try {
    if (!rtnl.links.list().some(({ name }) => name === device)) return undefined;
    const neighbours = rtnl.neighbours
      .list({ family: 6, device })
      .filter(({ address, state }) => /^fe[89ab]/.test(address) && !UNREACHABLE.has(state));
    const routers = neighbours.filter(({ router }) => router);
    const [only, ...others] = routers.length > 0 ? routers : neighbours;
    return others.length === 0 ? only?.address : undefined;
  } finally {
    rtnl.close();
  }
}
