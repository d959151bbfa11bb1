import { FLAG, PROTOCOL, tcp } from "../support/packets.ts";
import { fromFabric, type Step } from "./case.ts";
import { A, IDENTITY, NODE, OTHER_NODE, REMOTE, ROUTER, WORLD, type World } from "./world.ts";

/** Of a load balancer's, which the fabric brings here. */
export const LB = "198.51.100.1";
export const WEB = `${LB}:443`;
export const client = `${WORLD}:50000`;
export const here = `${A}:8080`;
export const there = `${REMOTE}:8080`;
/** This node, as a backend behind the tunnel, or on the link, knows it. */
export const inside = `${ROUTER}:50000`;
export const onTheLink = `${NODE}:50000`;

const ID = 5;

/** Served to the outside as to pods, over TCP and UDP. */
export const web =
  (...backends: string[]) =>
  (world: World): void => {
    for (const protocol of [PROTOCOL.tcp, PROTOCOL.udp])
      world.service(WEB, protocol, backends, { externalId: ID });
  };

/** The two entries of a client's connection: to the frontend, and to the backend. */
export const entry = (backend: string, life = "8000s S/-"): string =>
  `ct tcp ${client} > ${WEB} ${life} service from-outside nat=${backend} backend=1`;
export const flow = (backend: string, life = "60s S/-", allowed = ""): string =>
  `ct tcp ${client} > ${backend} ${life} translated from-outside nat=${WEB}${allowed}`;

export const mapping = (backend: string, own: string): readonly string[] => [
  `+ nat out tcp ${client} > ${backend} as ${own} 8000s`,
  `+ nat back tcp ${backend} > ${own} to ${client} 8000s`,
];

export const servedHere: Step = fromFabric(tcp(client, WEB), {
  verdict: "redirect",
  as: "to-endpoint",
  to: here,
  changes: [`+ ${entry(here)}`, `+ ${flow(here, "60s S/-", " ingress=7/2")}`],
  event: { service: ID, state: "new", identities: [IDENTITY.world, IDENTITY.a], endpoint: 1 },
});

export const servedThere: Step = fromFabric(tcp(client, WEB), {
  verdict: "redirect",
  as: "to-overlay",
  from: inside,
  to: there,
  changes: [`+ ${entry(there)}`, `+ ${flow(there)}`, ...mapping(there, inside)],
  event: {
    ...{ service: ID, state: "new", tunnel: OTHER_NODE },
    ...{ identities: [IDENTITY.world, IDENTITY.remote], ingress: [0, 0, "none"] },
  },
});

export const { SYN, ACK } = FLAG;
