import type { Lab, Segment } from "@netloom/lab";
import {
  type NeighbourOptions,
  type Router,
  type RouterAnnouncement,
  type RouterOptions,
  startBird,
  startFrr,
  startGobgp,
  waitFor,
} from "@netloom/lab/routers";
import {
  createSpeaker,
  type FailureDetector,
  type FamilyConfig,
  type LocalRoute,
  type PeerConfig,
  type Speaker,
  type SpeakerConfig,
  type SpeakerDependencies,
  tcp,
  type Transport,
} from "../../../src/index.ts";
import { makePlace, netnsOf, type Place } from "./place.ts";

export const KINDS = ["BIRD", "FRR", "GoBGP"] as const;
export type Kind = (typeof KINDS)[number];

export const STARTS: Readonly<
  Record<Kind, (lab: Lab, name: string, options: RouterOptions) => Promise<Router>>
> = {
  BIRD: startBird,
  FRR: startFrr,
  GoBGP: startGobgp,
};

export const everything: FamilyConfig = {
  import: { statements: [{ action: "accept" }] },
  export: { statements: [{ action: "accept" }] },
};
export const BOTH = { "ipv4-unicast": everything, "ipv6-unicast": everything };

export interface MeetingOptions {
  /** Of our peer, which is called `them`. */
  readonly ours?: Partial<PeerConfig>;
  /** Of their neighbour: us. */
  readonly theirs?: Partial<NeighbourOptions>;
  /** @defaultValue "ipv4" */
  readonly over?: "ipv4" | "ipv6" | "link-local";
  /** @defaultValue 65001 */
  readonly ourAsn?: number;
  /** @defaultValue 65002 */
  readonly theirAsn?: number;
  /** More of our configuration. Other peers come behind `them`. */
  readonly speaker?: Partial<SpeakerConfig>;
  /** Looks over ours. */
  readonly transport?: (transport: Transport) => Transport;
  /** As {@link SpeakerDependencies.neighbourOn}, in a namespace. */
  readonly neighbourOn?: ((lab: Lab, name: string, device: string) => string | undefined) | undefined;
  readonly failureDetector?: ((lab: Lab) => FailureDetector) | undefined;
  readonly router?: Partial<RouterOptions>;
  readonly announce?: readonly RouterAnnouncement[];
  readonly advertise?: readonly LocalRoute[];
  /** Machines besides `ours` and `theirs`: 10.9.0.3 and so on. */
  readonly others?: readonly string[];
  /** @defaultValue true */
  readonly comesUp?: boolean;
  /** Before anybody speaks. */
  readonly prepare?: (place: Place) => void | Promise<void>;
}

/** Our speaker in one namespace, a daemon in another, and a session between them. */
export interface Meeting extends AsyncDisposable {
  readonly lab: Lab;
  readonly segment: Segment;
  readonly speaker: Speaker;
  readonly router: Router;
  /** As it was made. */
  readonly config: SpeakerConfig;
  readonly dependencies: SpeakerDependencies;
  /** On both sides. */
  readonly established: () => Promise<void>;
}

/** Both families, everything goes. We are .1, AS 65001; they are .2, AS 65002. */
export async function meet(kind: Kind, options: MeetingOptions = {}): Promise<Meeting> {
  const { over = "ipv4", ourAsn = 65_001, theirAsn = 65_002 } = options;
  const place = makePlace("ours", "theirs", ...(options.others ?? []));
  const { lab, segment } = place;
  const address = addresses(segment, over);
  const routerOptions: RouterOptions = {
    asn: theirAsn,
    routerId: "10.9.0.2",
    announce: options.announce ?? [],
    neighbours: [
      {
        address: address.ours,
        asn: ourAsn,
        families: ["ipv4-unicast", "ipv6-unicast"],
        ...options.theirs,
      },
    ],
    ...options.router,
  };
  const them: PeerConfig = {
    name: "them",
    remote: { address: address.theirs },
    remoteAsn: theirAsn,
    families: BOTH,
    ...options.ours,
    timers: { connectRetry: 1, ...options.ours?.timers },
  };
  const { peers: more = [], ...rest } = options.speaker ?? {};
  const config: SpeakerConfig = {
    asn: ourAsn,
    routerId: "10.9.0.1",
    listen: {},
    ...rest,
    peers: [them, ...more],
  };
  const { neighbourOn, failureDetector } = options;
  const dependencies: SpeakerDependencies = {
    transport: (options.transport ?? ((real) => real))(tcp({ netns: netnsOf(lab, "ours") })),
    ...(neighbourOn === undefined
      ? {}
      : { neighbourOn: (device: string) => neighbourOn(lab, "ours", device) }),
    ...(failureDetector === undefined ? {} : { failureDetector: failureDetector(lab) }),
  };
  const speaker = createSpeaker(config, dependencies);
  const end = async (): Promise<void> => {
    try {
      await speaker.close("preserve");
    } finally {
      await place[Symbol.asyncDispose]();
    }
  };
  try {
    await options.prepare?.(place);
    const router = await STARTS[kind](lab, "theirs", routerOptions);
    const established = async (): Promise<void> => {
      await waitFor(`a session of ours with ${kind}`, () => stands(speaker, router), { routers: [router] });
    };
    if (options.advertise !== undefined) speaker.advertise("ours", options.advertise);
    await speaker.start();
    if (options.comesUp !== false) await established();
    return { lab, segment, speaker, router, config, dependencies, established, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function stands(speaker: Speaker, router: Router): Promise<boolean> {
  if (!speaker.peers().some(({ state }) => state === "established")) return false;
  return (await router.neighbours()).some(({ state }) => state === "established");
}

function addresses(segment: Segment, over: "ipv4" | "ipv6" | "link-local"): { ours: string; theirs: string } {
  if (over === "ipv4") return { ours: "10.9.0.1", theirs: "10.9.0.2" };
  if (over === "ipv6") return { ours: "fd09::1", theirs: "fd09::2" };
  return { ours: `${segment.linkLocal("ours")}%eth0`, theirs: `${segment.linkLocal("theirs")}%eth0` };
}
