import type { Family } from "@netloom/bgp";
import { NetloomError } from "@netloom/core";
import { cidrOption } from "@netloom/core/backend";
import type { SpeakerDriver, SpeakerSettings } from "./driver.ts";
import { installOption } from "./install.ts";
import { localDriver } from "./local-driver.ts";
import {
  parseAdvertisement,
  parseClusterConfig,
  parsePeerConfig,
  type BgpAdvertisementEntry,
  type BgpMonitoring,
  type BgpPeer,
  type BgpPeerConfig,
  type BgpPeerFamily,
  type BgpResources,
} from "./resources/index.ts";
import { routerIdAt } from "./resources/fields.ts";
import { deviceAddresses } from "./sys/device-addresses.ts";
import { systemSpeakers } from "./sys/system-speakers.ts";

export const NAME = "bgp";

/** What every way to configure it has. */
export interface CommonBgpOptions {
  /**
   * Where the speaker of an instance runs, in this process or another.
   * @defaultValue `() => localDriver(systemSpeakers())`
   */
  readonly driver?: (instance: string) => SpeakerDriver;
  /**
   * Where learned routes go: the kernel's main table with metric 179 unless it says otherwise; `false`: nowhere. Of several
   * instances the first in the order of their names has this metric, the next one more, and so on.
   */
  readonly install?: SpeakerSettings["install"];
  /**
   * Ranges beside the pods' own that know the way back to pods, e.g. the data centre's: what pods send there is never
   * masqueraded. @defaultValue none
   */
  readonly nativeCidr?: string | readonly string[];
  /** Addresses of a device of the node's, asked for at each change. @defaultValue the kernel's */
  readonly addressesOf?: (device: string) => readonly string[];
}

/** One speaker a node, the same on every node. */
export interface StaticBgpOptions extends CommonBgpOptions {
  /** Ours: 1 to 4294967295. */
  readonly asn: number;
  /** @defaultValue the node's IPv4 address */
  readonly routerId?: string;
  /** Where peers may call. @defaultValue none: peers are only called */
  readonly localPort?: number;
  readonly peers: readonly StaticPeer[];
  /** To all peers. @defaultValue the node's pod CIDRs */
  readonly advertise?: readonly BgpAdvertisementEntry[];
  /** Monitoring stations (RFC 7854) that hear of all that peers tell. `sysName`: the node's, unless it says otherwise. */
  readonly bmp?: BgpMonitoring;
}

/** A peer with its configuration; see {@link BgpPeerConfig} for what is not said here. */
export interface StaticPeer extends Omit<BgpPeerConfig, "name" | "authSecretRef" | "families"> {
  /** @defaultValue its address or device */
  readonly name?: string;
  readonly asn: BgpPeer["peerAsn"];
  /** Either this or `interface`. */
  readonly address?: string;
  readonly interface?: string;
  /** TCP-MD5 (RFC 2385). */
  readonly password?: string;
  /** What is taken from it; `all` trusts it. @defaultValue nothing */
  readonly import?: BgpPeerFamily["import"] | "all";
  readonly maxPrefixes?: number;
  /** @defaultValue both */
  readonly families?: readonly Family[];
}

/** Configured in the store, as {@link BgpResources}. */
export interface StoredBgpOptions extends CommonBgpOptions {
  readonly resources: true;
  /**
   * The password of a name that a peer configuration refers to.
   * @defaultValue what the store has under `secrets/<name>`
   */
  readonly secrets?: (name: string) => string | undefined | Promise<string | undefined>;
}

export type BgpOptions = StaticBgpOptions | StoredBgpOptions;

/** Options, checked. */
export interface BgpSetup {
  readonly driver: NonNullable<CommonBgpOptions["driver"]>;
  readonly install: SpeakerSettings["install"];
  readonly native: readonly string[];
  readonly addressesOf: (device: string) => readonly string[];
  /** `undefined`: they are in the store. */
  readonly fixed: BgpResources | undefined;
  readonly routerId: string | undefined;
  readonly secrets: StoredBgpOptions["secrets"];
}

const COMMON = ["driver", "install", "nativeCidr", "addressesOf"];
const STATIC = [...COMMON, "asn", "routerId", "localPort", "peers", "advertise", "bmp"];
const STORED = [...COMMON, "resources", "secrets"];

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`; `ERR_BGP_INVALID` for what resources would refuse too. */
export function parseOptions(options: BgpOptions): BgpSetup {
  const known = "resources" in options ? STORED : STATIC;
  const unknown = Object.keys(options).find((option) => !known.includes(option));
  if (unknown !== undefined)
    throw invalid(`there is no option ${unknown}`, options, `write ${known.join(", ")}`);
  const speakers = systemSpeakers();
  const { driver = () => localDriver(speakers), nativeCidr = [] } = options;
  const { addressesOf = deviceAddresses } = options;
  if (typeof driver !== "function") {
    throw invalid("option driver is no function", driver, "give e.g. () => processDriver({ path })");
  }
  if (typeof addressesOf !== "function") {
    throw invalid("option addressesOf is no function", addressesOf, "give e.g. (device) => []");
  }
  const common = {
    driver,
    install: installOption(options.install),
    native: cidrOption("nativeCidr", nativeCidr, NAME),
    addressesOf: (device: string) => addressesOf(device),
  };
  if ("resources" in options) {
    const { secrets } = options;
    if (secrets !== undefined && typeof secrets !== "function") {
      // Without the value: it may be the secrets.
      throw invalid("option secrets is no function", undefined, "give (name) => the password of that name");
    }
    return { ...common, fixed: undefined, routerId: undefined, secrets };
  }
  const { peers, routerId } = options;
  if (routerId !== undefined) routerIdAt(routerId, { resource: "options", path: "routerId" });
  const fixed = staticResources(options);
  const secrets = (name: string): string | undefined => peers.find((peer) => nameOf(peer) === name)?.password;
  return { ...common, fixed, routerId, secrets };
}

/** The same in the shape of resources, so that there is one way to check and to understand them. */
function staticResources(options: StaticBgpOptions): BgpResources {
  const { asn, localPort, peers, bmp, advertise = [{ type: "PodCIDR" }] } = options;
  if (!Array.isArray(peers)) throw invalid("option peers is no list", peers, "write a list of peers");
  return {
    clusterConfigs: [
      parseClusterConfig({
        name: "static",
        instances: [
          {
            name: "default",
            localAsn: asn,
            ...(localPort === undefined ? {} : { localPort }),
            peers: peers.map((peer) => ({
              name: nameOf(peer),
              peerAsn: peer.asn,
              ...(peer.address === undefined ? {} : { peerAddress: peer.address }),
              ...(peer.interface === undefined ? {} : { interface: peer.interface }),
              peerConfigRef: nameOf(peer),
            })),
            ...(bmp === undefined ? {} : { bmp }),
          },
        ],
      }),
    ],
    peerConfigs: peers.map(staticPeerConfig),
    advertisements: [parseAdvertisement({ name: "static", advertisements: advertise })],
    nodeOverrides: [],
  };
}

function staticPeerConfig(peer: StaticPeer): ReturnType<typeof parsePeerConfig> {
  const {
    password,
    import: policy,
    maxPrefixes,
    families = ["ipv4-unicast", "ipv6-unicast"],
    ...rest
  } = peer;
  const { name: _name, asn: _asn, address: _address, interface: _interface, ...config } = rest;
  const accepted = policy === "all" ? { statements: [{ action: "accept" }] } : policy;
  return parsePeerConfig({
    ...config,
    name: nameOf(peer),
    ...(password === undefined ? {} : { authSecretRef: nameOf(peer) }),
    families: families.map((family) => ({
      family,
      advertisements: {},
      ...(accepted === undefined ? {} : { import: accepted }),
      ...(maxPrefixes === undefined ? {} : { maxPrefixes }),
    })),
  });
}

/** Names have no colons and no zones. */
function nameOf({ name, address, interface: device }: StaticPeer): string {
  return name ?? (address ?? device ?? "").replace(/^:+|:+$/g, "").replace(/[:%]+/g, "-");
}

function invalid(what: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", what, { input, remedy, backend: NAME });
}
