/**
 * The protocol library alone: tells a router a prefix, and prints what the router tells.
 *
 * `npm start` has a router in this process; `npm start -- --router 192.0.2.1 --router-asn 65000` calls a real one.
 */
import { parseArgs } from "node:util";
import { createSpeaker, memoryNetwork, tcp, type SpeakerConfig, type Transport } from "@netloom/bgp";
import { startStandIn } from "./stand-in.ts";

const { values } = parseArgs({
  options: {
    asn: { type: "string", default: "65001" },
    "router-id": { type: "string", default: "192.0.2.11" },
    prefix: { type: "string", default: "203.0.113.0/24" },
    router: { type: "string" },
    "router-asn": { type: "string", default: "65000" },
    port: { type: "string", default: "179" },
    seconds: { type: "string" },
  },
});

const network = memoryNetwork();
const transport: Transport =
  values.router === undefined ? network.transport({ address: values["router-id"] }) : tcp();
await using standIn = values.router === undefined ? await startStandIn(network) : undefined;

const everything = { statements: [{ action: "accept" }] } as const;
const config: SpeakerConfig = {
  asn: Number(values.asn),
  routerId: values["router-id"],
  // No `listen`: we call, nobody calls us, and no port below 1024 is needed.
  peers: [
    {
      name: "router",
      remote: { address: values.router ?? standIn!.address, port: Number(values.port) },
      remoteAsn: Number(values["router-asn"]),
      families: { "ipv4-unicast": { import: everything, export: everything } },
    },
  ],
};

await using speaker = createSpeaker(config, { transport });
speaker.on("peer:changed", ({ name, state }, before, reason) => {
  console.log(`${name}: ${before} to ${state}${reason === undefined ? "" : `, ${reason.message}`}`);
});
speaker.on("best:changed", (changes) => {
  for (const { prefix, route } of changes) {
    const path = route?.attributes.asPath.flatMap(({ asns }) => asns).join(" ");
    console.log(
      route === undefined ? `${prefix} is gone` : `${prefix} via ${route.attributes.nextHop}, path ${path}`,
    );
  }
});
speaker.on("error", (error) => console.error(error));
const complete = new Promise<void>((resolve) => {
  speaker.on("rib:complete", (peer) => {
    console.log(`${peer} has told all it has`);
    resolve();
  });
});

await speaker.start();
speaker.advertise("ours", [{ prefix: values.prefix, communities: [`${values.asn}:100`] }]);
await Promise.race([complete, interrupted()]);
console.log(speaker.explain("router", values.prefix));
// In this process there is nothing more to see.
if (standIn !== undefined) console.log(await standIn.heard(values.prefix));
else await interrupted(values.seconds === undefined ? undefined : Number(values.seconds) * 1000);
// A word of farewell: without it a router may keep our routes for two minutes, in case we come back.
await speaker.close("withdraw");

function interrupted(after?: number): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    if (after !== undefined) setTimeout(resolve, after);
  });
}
