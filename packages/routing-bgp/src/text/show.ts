import type { RibRoute } from "@netloom/bgp";
import { NetloomError } from "@netloom/core";
import type { BgpRouting } from "../bgp.ts";
import type { RoutesQuery } from "../driver.ts";
import { formatNeighbor } from "./neighbor.ts";
import { formatRoutes } from "./routes.ts";
import { formatSummary } from "./summary.ts";

/** What there is to see of a backend. */
export type Shown = Pick<BgpRouting, "status" | "speaker">;

/**
 * All speakers and their peers, a line each, as a command would print them.
 *
 * @param now - milliseconds since 1970
 */
export async function summary(routing: Shown, now = Date.now()): Promise<string> {
  return formatSummary(await routing.status(), now);
}

/**
 * Best routes, or all that one peer sent or was sent, a line each.
 *
 * @throws {@link NetloomError} `ERR_BGP_INVALID`: there is no such speaker.
 */
export async function rib(
  routing: Shown,
  query: { readonly instance?: string } & Partial<RoutesQuery> = {},
): Promise<string> {
  const { instance = "default", peer, direction = "received" } = query;
  const speaker = routing.speaker(instance);
  if (speaker === undefined) throw await unknown(routing, "speaker", instance);
  const routes: RibRoute[] = [];
  for await (const route of speaker.routes(peer === undefined ? undefined : { peer, direction }))
    routes.push(route);
  return formatRoutes(routes);
}

/**
 * All that is known of one peer.
 *
 * @param now - milliseconds since 1970
 * @throws {@link NetloomError} `ERR_BGP_INVALID`: there is no such peer.
 */
export async function neighbor(routing: Shown, name: string, now = Date.now()): Promise<string> {
  const { instances } = await routing.status();
  const peer = instances.flatMap(({ peers }) => peers).find((each) => each.name === name);
  if (peer === undefined) throw await unknown(routing, "peer", name);
  return formatNeighbor(peer, now);
}

async function unknown(routing: Shown, what: "speaker" | "peer", name: string): Promise<NetloomError> {
  const { instances } = await routing.status();
  const known = instances.flatMap((instance) =>
    what === "speaker" ? instance.name : instance.peers.map((peer) => peer.name),
  );
  return new NetloomError("ERR_BGP_INVALID", `there is no ${what} ${name}`, {
    input: name,
    remedy: known.length === 0 ? "there are none yet" : `there are ${known.join(", ")}`,
    backend: "bgp",
  });
}
