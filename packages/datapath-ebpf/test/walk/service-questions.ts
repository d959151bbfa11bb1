import { PROTOCOL, tcp } from "../support/packets.ts";
import { fromPod, type Expectation, type Step } from "./case.ts";
import { A, IDENTITY, VIP, type World } from "./world.ts";

export const WEB = `${VIP}:80`;
export const DNS = `${VIP}:53`;
export const client = `${A}:40000`;
export const ID = 5;

export const web =
  (...backends: string[]) =>
  (world: World) =>
    world.service(WEB, PROTOCOL.tcp, backends);
export const dns =
  (...backends: string[]) =>
  (world: World) =>
    world.service(DNS, PROTOCOL.udp, backends);

/** The two entries of a client's connection: to the frontend, and to the backend. */
export const entry = (backend: string, index: number, life = "8000s", flags = "S/-"): string =>
  `ct tcp ${client} > ${WEB} ${life} ${flags} service nat=${backend} backend=${index}`;
export const flow = (backend: string, life = "60s S/-", allowed = "egress=7/301 ingress=7/300"): string =>
  `ct tcp ${client} > ${backend} ${life} translated nat=${WEB} ${allowed}`;

export const opened = (backend: string, index: number): Step =>
  fromPod("a", tcp(client, WEB), {
    verdict: "redirect",
    as: "to-endpoint",
    to: backend,
    changes: [`+ ${entry(backend, index)}`, `+ ${flow(backend)}`],
    event: { service: ID, state: "new", identities: [IDENTITY.a, IDENTITY.b] },
  });

export const sent = (flags: number, to: string, expect: Partial<Expectation> = {}): Step =>
  fromPod("a", tcp(client, WEB, { flags }), { verdict: "redirect", as: "to-endpoint", to, ...expect });
