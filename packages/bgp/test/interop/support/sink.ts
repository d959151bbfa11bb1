import type { Lab } from "@netloom/lab";
import { createSpeaker, type PeerConfig, type Speaker, tcp } from "../../../src/index.ts";
import { everything } from "./meeting.ts";
import { netnsOf } from "./place.ts";

/** Another speaker of ours, AS 65000 + host, with one peer, `them`, that it calls. */
export async function startSink(
  lab: Lab,
  { name, host, peer }: { readonly name: string; readonly host: number; readonly peer: Partial<PeerConfig> },
): Promise<Speaker> {
  const them: PeerConfig = {
    name: "them",
    remote: { address: "10.9.0.2" },
    remoteAsn: 65_002,
    timers: { connectRetry: 1 },
    families: { "ipv4-unicast": everything },
    ...peer,
  };
  const speaker = createSpeaker(
    { asn: 65_000 + host, routerId: `10.9.0.${host}`, peers: [them] },
    { transport: tcp({ netns: netnsOf(lab, name) }) },
  );
  await speaker.start();
  return speaker;
}
