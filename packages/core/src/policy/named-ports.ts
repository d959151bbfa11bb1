import { NetloomError } from "../errors.ts";
import { parseSelector, type LabelSet, type Selector } from "../labels/index.ts";
import { PROTOCOL_NUMBERS, type L4Block } from "./l4.ts";

/** Source of the labels by which an endpoint says what numbers its ports have: `port:tcp/http=8080`. */
const SOURCE = "port";
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

export const NAMED_PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;

export type NamedProtocol = (typeof NAMED_PROTOCOLS)[number];

/** A port by its name: each destination may have another number for it, or none. */
export interface NamedPort {
  readonly protocol: NamedProtocol;
  /** Source and key of the label that says the number. */
  readonly label: string;
  /** Selects the endpoints that have such a port. */
  readonly having: Selector;
}

export function isPortName(input: unknown): input is string {
  return typeof input === "string" && NAME.test(input);
}

export function namedPort(protocol: NamedProtocol, name: string): NamedPort {
  const label = `${SOURCE}:${protocol.toLowerCase()}/${name}`;
  const having = parseSelector({ matchExpressions: [{ key: label, operator: "Exists" }] });
  return { protocol, label, having };
}

/** What a named port is for one that has these labels; `undefined`: it has none of this name. */
export function blockOf({ protocol, label }: NamedPort, labels: LabelSet | undefined): L4Block | undefined {
  const number = labels?.get(label) ?? "";
  const port = /^\d{1,5}$/.test(number) ? Number(number) : 0;
  const there = port >= 1 && port <= 65_535;
  return there ? { protocol: PROTOCOL_NUMBERS[protocol], port, bits: 16 } : undefined;
}

/**
 * The label by which an endpoint says that it calls a port by a name. Policies that name ports go by it. It is part
 * of the endpoint's identity: endpoints with the same labels may still have different numbers.
 *
 * @throws {@link NetloomError} `ERR_LABEL_INVALID`
 */
export function portLabel(port: {
  readonly protocol: NamedProtocol;
  readonly name: string;
  readonly port: number;
}): string {
  const { protocol, name, port: number } = port;
  const fits = Number.isInteger(number) && number >= 1 && number <= 65_535;
  if (!NAMED_PROTOCOLS.includes(protocol) || !isPortName(name) || !fits) {
    throw new NetloomError("ERR_LABEL_INVALID", `${JSON.stringify(port)} is no named port`, {
      input: port,
      remedy: "give TCP, UDP or SCTP, a name of letters, digits and '-', and a number from 1 to 65535",
    });
  }
  return `${namedPort(protocol, name).label}=${number}`;
}
