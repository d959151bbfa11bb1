import { type Router, type RouterFamily, type RouterRoute, waitFor } from "@netloom/lab/routers";
import type { PeerStatus, RibRoute, Speaker } from "../../../src/index.ts";
import { formatCommunity, formatExtendedCommunity, formatLargeCommunity } from "../../../src/wire/index.ts";

/** A route of ours, as people write it. */
export interface PlainRoute {
  readonly prefix: string;
  readonly nextHop: string;
  readonly asPath: string;
  readonly origin: string;
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
  readonly extendedCommunities: readonly string[];
  readonly stale: boolean;
}

function plain({ prefix, attributes, stale }: RibRoute): PlainRoute {
  const path = attributes.asPath.map(({ type, asns }) => {
    const text = asns.join(type === "set" ? "," : " ");
    return type === "set" ? `{${text}}` : text;
  });
  return {
    prefix,
    nextHop: attributes.nextHop,
    asPath: path.join(" "),
    origin: attributes.origin,
    med: attributes.med,
    localPref: attributes.localPref,
    communities: (attributes.communities ?? []).map(formatCommunity),
    largeCommunities: (attributes.largeCommunities ?? []).map(formatLargeCommunity),
    extendedCommunities: (attributes.extendedCommunities ?? []).map(formatExtendedCommunity),
    stale,
  };
}

/** The best routes we have learned. */
export function learned(speaker: Speaker): PlainRoute[] {
  return [...speaker.routes()].filter(({ peer }) => peer !== undefined).map(plain);
}

/** Waits until we have learned a prefix, and what `holds` says of it. */
export function weHave(
  speaker: Speaker,
  prefix: string,
  holds: (route: PlainRoute) => boolean = () => true,
): Promise<PlainRoute> {
  return waitFor(`we have ${prefix}`, () =>
    learned(speaker).find((route) => route.prefix === prefix && holds(route)),
  );
}

export async function weLack(speaker: Speaker, prefix: string): Promise<void> {
  await waitFor(`we have lost ${prefix}`, () => learned(speaker).every((route) => route.prefix !== prefix));
}

function familyOf(prefix: string): RouterFamily {
  return prefix.includes(":") ? "ipv6-unicast" : "ipv4-unicast";
}

/** Waits until a daemon has a prefix of somebody else's, and what `holds` says of it. */
export function theyHave(
  router: Router,
  prefix: string,
  holds: (route: RouterRoute) => boolean = () => true,
): Promise<RouterRoute> {
  return waitFor(
    `${router.kind} has ${prefix}`,
    async () => {
      const routes = await router.routes(familyOf(prefix));
      return routes.find((route) => route.prefix === prefix && route.from !== undefined && holds(route));
    },
    { routers: [router] },
  );
}

export async function theyLack(router: Router, prefix: string): Promise<void> {
  await waitFor(
    `${router.kind} has lost ${prefix}`,
    async () => (await router.routes(familyOf(prefix))).every((route) => route.prefix !== prefix),
    { routers: [router] },
  );
}

export function statusOf(speaker: Speaker, name = "them"): PeerStatus {
  const status = speaker.peers().find((peer) => peer.name === name);
  if (status === undefined) throw new Error(`there is no peer ${name}`);
  return status;
}

/** Waits until our last word on a session is this. */
export async function weSay(speaker: Speaker, text: RegExp): Promise<PeerStatus> {
  return waitFor(`we say ${text}`, () => {
    const status = statusOf(speaker);
    return text.test(status.lastError?.message ?? "") && status;
  });
}

/** Waits until a daemon's last word on a session with us is this, or its log has it. */
export async function theySay(router: Router, text: RegExp): Promise<void> {
  await waitFor(
    `${router.kind} says ${text}`,
    async () => text.test(`${(await router.neighbours())[0]?.lastError} ${router.log()}`),
    { routers: [router] },
  );
}
