import { formatAddress, parseAddress, type Address } from "../address/index.ts";
import { isNetloomError, messageOf, NetloomError } from "../errors.ts";
import { assertName } from "../facts/names.ts";
import { checkLabel, parseSelector, type Selector } from "../labels/index.ts";
import { PROTOCOL_NUMBERS } from "../policy/l4.ts";
import type { ExternalTrafficPolicy, ServiceAddressType } from "./types.ts";

const FIELDS = [
  "name",
  "labels",
  "addresses",
  "externalAddresses",
  "loadBalancerAddresses",
  "externalTrafficPolicy",
  "ports",
  "backends",
];

/** Services' labels come from Kubernetes, or are written as if. */
const LABEL_SOURCE = "k8s";

/** A service, checked. */
export interface ParsedService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of every type, each once: together with the ports they are the frontends. */
  readonly addresses: readonly Address[];
  readonly addressesByType: Readonly<Record<ServiceAddressType, readonly Address[]>>;
  readonly externalTrafficPolicy: ExternalTrafficPolicy;
  readonly ports: readonly ParsedPort[];
  readonly backends: readonly ParsedBackend[] | Selector;
}

export interface ParsedPort {
  /** IANA number. */
  readonly protocol: number;
  readonly port: number;
  readonly targetPort: number;
}

export interface ParsedBackend {
  readonly address: Address;
  readonly weight: number;
  readonly terminating: boolean;
}

export function isSelector(backends: ParsedService["backends"]): backends is Selector {
  return "requirements" in backends;
}

/**
 * Checks a service from anywhere. Nothing of a bad one is kept.
 *
 * @throws {@link NetloomError} `ERR_SERVICE_INVALID`: the path of what is wrong, and what would be right.
 */
export function parseService(input: unknown): ParsedService {
  const service = asObject(input, "service", undefined, FIELDS);
  const name = assertName(service["name"], "service");
  const addressesByType = {
    ClusterIP: parseAddresses(asList(service["addresses"], "addresses", name, 1), "addresses", name),
    ExternalIP: moreAddresses(service, "externalAddresses", name),
    LoadBalancerIP: moreAddresses(service, "loadBalancerAddresses", name),
  };
  const addresses = eachOnce(Object.values(addressesByType).flat());
  const ports = asList(service["ports"], "ports", name, 1).map((port, index) => parsePort(port, index, name));
  const seen = new Set<string>();
  for (const [index, { protocol, port }] of ports.entries()) {
    if (seen.has(`${protocol}/${port}`))
      throw bad(name, `ports[${index}]`, port, "is there twice", "leave one out");
    seen.add(`${protocol}/${port}`);
  }
  return {
    name,
    labels: parseLabels(service["labels"], name),
    addresses,
    addressesByType,
    externalTrafficPolicy: parseTrafficPolicy(service["externalTrafficPolicy"], name),
    ports,
    backends: parseBackends(service["backends"], addresses, name),
  };
}

function parseAddresses(texts: readonly unknown[], path: string, name: string): readonly Address[] {
  return texts.map((text, index) => within(`${path}[${index}]`, name, () => parseAddress(text as string)));
}

function moreAddresses(
  service: Readonly<Record<string, unknown>>,
  path: "externalAddresses" | "loadBalancerAddresses",
  name: string,
): readonly Address[] {
  const input = service[path];
  return input === undefined ? [] : parseAddresses(asList(input, path, name, 0), path, name);
}

function eachOnce(addresses: readonly Address[]): readonly Address[] {
  return [...new Map(addresses.map((address) => [formatAddress(address), address])).values()];
}

function parseLabels(input: unknown, name: string): Readonly<Record<string, string>> {
  if (input === undefined) return {};
  const labels = asObject(input, "labels", name);
  for (const [key, value] of Object.entries(labels)) {
    if (typeof value !== "string") throw bad(name, `labels.${key}`, value, "is no text", "write a string");
    within("labels", name, () => checkLabel({ source: LABEL_SOURCE, key, value }));
  }
  return labels as Record<string, string>;
}

function parseTrafficPolicy(input: unknown, name: string): ExternalTrafficPolicy {
  if (input === undefined || input === "cluster" || input === "local") return input ?? "cluster";
  throw bad(name, "externalTrafficPolicy", input, "is no traffic policy", "write cluster or local");
}

function parsePort(input: unknown, index: number, name: string): ParsedPort {
  const path = `ports[${index}]`;
  const value = asObject(input, path, name, ["protocol", "port", "targetPort"]);
  const protocol = value["protocol"] ?? "TCP";
  if (protocol !== "TCP" && protocol !== "UDP") {
    throw bad(name, `${path}.protocol`, protocol, "is no protocol of services", "write TCP or UDP");
  }
  const port = integer(value["port"], 1, 65_535, `${path}.port`, name);
  const target = value["targetPort"];
  return {
    protocol: PROTOCOL_NUMBERS[protocol],
    port,
    targetPort: target === undefined ? port : integer(target, 1, 65_535, `${path}.targetPort`, name),
  };
}

function parseBackends(
  input: unknown,
  addresses: readonly Address[],
  name: string,
): ParsedService["backends"] {
  if (!Array.isArray(input)) {
    const value = asObject(input, "backends", name, ["selector"]);
    return within("backends.selector", name, () => parseSelector(value["selector"]));
  }
  const families = new Set(addresses.map(({ family }) => family));
  return input.map((backend: unknown, index) => {
    const path = `backends[${index}]`;
    const value = asObject(backend, path, name, ["address", "weight", "state"]);
    const address = within(`${path}.address`, name, () => parseAddress(value["address"] as string));
    if (!families.has(address.family)) {
      const remedy = `add an IPv${address.family} address to the service, or leave the backend out`;
      throw bad(
        name,
        `${path}.address`,
        formatAddress(address),
        "is of a family the service has no address of",
        remedy,
      );
    }
    const state = value["state"] ?? "active";
    if (state !== "active" && state !== "terminating") {
      throw bad(name, `${path}.state`, state, "is no state", "write active or terminating");
    }
    const weight =
      value["weight"] === undefined ? 1 : integer(value["weight"], 0, 65_535, `${path}.weight`, name);
    return { address, weight, terminating: state === "terminating" };
  });
}

function integer(input: unknown, least: number, most: number, path: string, name: string): number {
  if (typeof input === "number" && Number.isInteger(input) && input >= least && input <= most) return input;
  throw bad(name, path, input, "is out of range", `write a whole number from ${least} to ${most}`);
}

function asList(input: unknown, path: string, name: string, least: number): readonly unknown[] {
  if (Array.isArray(input) && input.length >= least) return input;
  throw bad(name, path, input, "is no list with something in it", `write a list of ${path}`);
}

function asObject(
  input: unknown,
  path: string,
  name: string | undefined,
  known?: readonly string[],
): Record<string, unknown> {
  const fields = known?.join(", ") ?? "texts";
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw bad(name, path, input, "is no object", `write an object with ${fields}`);
  }
  const stranger = Object.keys(input).find((key) => known?.includes(key) === false);
  if (stranger === undefined) return input as Record<string, unknown>;
  throw bad(name, `${path}.${stranger}`, undefined, "is unknown", `known here: ${fields}`);
}

function within<T>(path: string, name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isNetloomError(error)) throw error;
    const message = `service ${name}: ${path}: ${messageOf(error)}`;
    throw new NetloomError("ERR_SERVICE_INVALID", message, { input: error.input, cause: error });
  }
}

function bad(
  name: string | undefined,
  path: string,
  input: unknown,
  what: string,
  remedy: string,
): NetloomError {
  const where = name === undefined ? path : `service ${name}: ${path}`;
  const shown = input === undefined ? "" : ` ${JSON.stringify(input)}`;
  return new NetloomError("ERR_SERVICE_INVALID", `${where}${shown} ${what}`, { input, remedy });
}
