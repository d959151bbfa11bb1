import { type Connection, type PathAttributes, tcp } from "../../../src/index.ts";
import {
  encodeAttributes,
  encodeKeepalive,
  encodeOpen,
  packReach,
  prefixSource,
  type WireContext,
} from "../../../src/wire/index.ts";

const CONTEXT: WireContext = {
  fourOctetAs: true,
  internal: false,
  families: ["ipv4-unicast"],
  addPathReceive: [],
  addPathSend: [],
  extendedNextHop: false,
  maxMessage: 4096,
};

/**
 * A peer of few words: an OPEN, a KEEPALIVE and one route, with attributes that no configuration of anybody makes. Stays
 * until it is closed.
 */
export async function sayRoute(
  netns: string,
  address: string,
  asn: number,
  prefix: string,
  attributes: PathAttributes,
): Promise<Connection> {
  const { signal } = new AbortController();
  const connection = await tcp({ netns }).connect({ address, port: 179, ttl: 1, signal });
  connection.onData = () => undefined;
  const open = encodeOpen({
    asn,
    holdTime: 0,
    routerId: "10.9.0.9",
    capabilities: [
      { kind: "four-octet-as", asn },
      { kind: "multiprotocol", afi: 1, safi: 1 },
    ],
  });
  const encoded = encodeAttributes(attributes, CONTEXT, "ipv4-unicast");
  const update = packReach(CONTEXT, "ipv4-unicast", encoded, prefixSource([{ prefix }], false), 0, 1);
  for (const message of [open, encodeKeepalive(), update!.message]) connection.write(message);
  return connection;
}
