import type { Family, PeerConfig, SpeakerConfig } from "@netloom/bgp";
import { ofFamily } from "@netloom/core/backend";
import { selects } from "../labels.ts";
import type { ParsedAdvertisement, ParsedEntry } from "./parse-advertisement.ts";
import type { ParsedClusterConfig } from "./parse-cluster-config.ts";
import { DEFAULT_PEER_CONFIG, type ParsedPeerConfig } from "./parse-peer-config.ts";
import { peerOf, whyUnusable } from "./speaker-peer.ts";
import type { BgpInstance, BgpInstanceOverride, BgpNode, BgpNodeOverride, BgpPeer } from "./types.ts";

/** All that is configured, checked. Of two cluster configurations for one node the earlier in the list counts. */
export interface BgpResources {
  readonly clusterConfigs: readonly ParsedClusterConfig[];
  readonly peerConfigs: readonly ParsedPeerConfig[];
  readonly advertisements: readonly ParsedAdvertisement[];
  readonly nodeOverrides: readonly BgpNodeOverride[];
}

/** An advertisement's entry under a name of its own: `<advertisement>/<index>`. */
export interface NamedEntry {
  readonly id: string;
  readonly entry: ParsedEntry;
}

/** What a peer is told in a family: the entries by their ids. */
export interface PeerExport {
  readonly peer: string;
  readonly family: Family;
  readonly entries: readonly string[];
}

/** A speaker of this node. Its export policies are missing in `config`: they depend on what there is to tell. */
export interface ResolvedInstance {
  readonly name: string;
  readonly config: SpeakerConfig;
  readonly exports: readonly PeerExport[];
}

export type BgpConditionType =
  /** No cluster configuration selects the node. */
  | "NoMatchingNode"
  /** A cluster configuration selects the node, and another has it already. */
  | "ConflictingClusterConfig"
  /** A peer names a configuration that is not there, and is left out. */
  | "MissingPeerConfigs"
  /** A peer needs a password that is not there, and is left out. */
  | "MissingAuthSecret"
  /** What a peer and its configuration ask for does not go together, and the peer is left out. */
  | "UnusablePeerConfig"
  /** The node has no IPv4 address to be known by, and nobody gave it a router ID: the instance is left out. */
  | "MissingRouterId"
  /** An override names an instance or a peer that the node has not. */
  | "UnusedOverride";

/** Something that keeps part of what is configured from being so. */
export interface BgpCondition {
  readonly type: BgpConditionType;
  /** Which resource, instance or peer. */
  readonly subject: string;
  readonly message: string;
}

export interface Resolution {
  readonly instances: readonly ResolvedInstance[];
  /** Those that some peer of the node selects, in the order of their ids. */
  readonly advertisements: readonly NamedEntry[];
  /** The node's override says that it is being emptied. */
  readonly draining: boolean;
  readonly conditions: readonly BgpCondition[];
}

export interface ResolveOptions {
  /** The password of a name. @defaultValue there is none */
  readonly secrets?: (name: string) => string | undefined;
}

/** What resources mean for one node. Pure: the same input gives the same result. */
export function resolve(node: BgpNode, resources: BgpResources, options: ResolveOptions = {}): Resolution {
  const conditions: BgpCondition[] = [];
  const { clusterConfigs } = resources;
  const selecting = clusterConfigs.filter(
    ({ nodeSelector }) => nodeSelector === undefined || selects(nodeSelector, node.labels),
  );
  const [config, ...others] = selecting;
  const override = resources.nodeOverrides.find(({ name }) => name === node.name);
  const draining = override?.draining ?? false;
  if (config === undefined) {
    const message = `none of ${clusterConfigs.length} cluster configurations selects node ${node.name}`;
    return {
      instances: [],
      advertisements: [],
      draining,
      conditions: [{ type: "NoMatchingNode", subject: node.name, message }],
    };
  }
  for (const { name } of others) {
    const message = `node ${node.name} is selected by ${name} and has ${config.name} already`;
    conditions.push({ type: "ConflictingClusterConfig", subject: name, message });
  }
  conditions.push(...unusedOverrides(config, override));
  const entries = namedEntries(resources.advertisements);
  const instances = config.instances.flatMap((instance) => {
    const changes = override?.instances.find(({ name }) => name === instance.name);
    return resolveInstance({ node, resources, options, conditions }, instance, changes);
  });
  const used = new Set(instances.flatMap(({ exports }) => exports.flatMap((told) => told.entries)));
  return { instances, advertisements: entries.filter(({ id }) => used.has(id)), draining, conditions };
}

interface Context {
  readonly node: BgpNode;
  readonly resources: BgpResources;
  readonly options: ResolveOptions;
  readonly conditions: BgpCondition[];
}

function resolveInstance(
  context: Context,
  instance: BgpInstance,
  changes: BgpInstanceOverride | undefined,
): readonly ResolvedInstance[] {
  const { node, conditions } = context;
  const routerId = changes?.routerId ?? ofFamily(node.addresses, 4);
  if (routerId === undefined) {
    const message = `node ${node.name} has no IPv4 address: give instance ${instance.name} a routerId by an override`;
    conditions.push({ type: "MissingRouterId", subject: instance.name, message });
    return [];
  }
  const port = changes?.localPort ?? instance.localPort;
  const merged = { ...instance, localAsn: changes?.localAsn ?? instance.localAsn };
  const resolved = instance.peers.flatMap((peer) => {
    const localAddress = changes?.peers?.find(({ name }) => name === peer.name)?.localAddress;
    return resolvePeer(
      context,
      { ...merged, ...(port === undefined ? {} : { localPort: port }) },
      peer,
      localAddress,
    );
  });
  const config: SpeakerConfig = {
    asn: merged.localAsn,
    routerId,
    ...(port === undefined ? {} : { listen: { port } }),
    peers: resolved.map(({ peer }) => peer),
    ...(merged.bmp === undefined ? {} : { bmp: { sysName: node.name, ...merged.bmp } }),
  };
  return [{ name: instance.name, config, exports: resolved.flatMap(({ exports }) => exports) }];
}

function resolvePeer(
  { node, resources, options, conditions }: Context,
  instance: BgpInstance,
  peer: BgpPeer,
  localAddress: string | undefined,
): readonly { readonly peer: PeerConfig; readonly exports: readonly PeerExport[] }[] {
  const { peerConfigRef: wanted } = peer;
  const subject = `${instance.name}/${peer.name}`;
  const config =
    wanted === undefined ? DEFAULT_PEER_CONFIG : resources.peerConfigs.find(({ name }) => name === wanted);
  if (config === undefined) {
    const message = `peer ${subject} needs peer configuration ${wanted}, and there is none`;
    conditions.push({ type: "MissingPeerConfigs", subject, message });
    return [];
  }
  const { authSecretRef: secret } = config;
  const md5 = secret === undefined ? undefined : options.secrets?.(secret);
  if (secret !== undefined && (md5 === undefined || md5 === "")) {
    const message = `peer ${subject} needs secret ${secret}, and there is none`;
    conditions.push({ type: "MissingAuthSecret", subject, message });
    return [];
  }
  const because = whyUnusable(instance, peer, config, md5);
  if (because !== undefined) {
    conditions.push({
      type: "UnusablePeerConfig",
      subject,
      message: `peer ${subject} is left out: ${because}`,
    });
    return [];
  }
  const exports = config.families.map(({ family, advertisements }): PeerExport => {
    const selected = resources.advertisements.filter(
      ({ labels }) => advertisements !== undefined && selects(advertisements, labels),
    );
    return { peer: peer.name, family, entries: namedEntries(selected).map(({ id }) => id) };
  });
  return [{ peer: peerOf(node, peer, config, md5, localAddress), exports }];
}

function unusedOverrides(config: ParsedClusterConfig, override: BgpNodeOverride | undefined): BgpCondition[] {
  return (override?.instances ?? []).flatMap((changes): BgpCondition[] => {
    const instance = config.instances.find(({ name }) => name === changes.name);
    const strangers =
      instance === undefined
        ? [changes.name]
        : (changes.peers ?? [])
            .filter(({ name }) => instance.peers.every((peer) => peer.name !== name))
            .map(({ name }) => `${changes.name}/${name}`);
    return strangers.map((subject) => {
      const message = `the override of node ${override?.name} is for ${subject}, which is not in ${config.name}`;
      return { type: "UnusedOverride", subject, message };
    });
  });
}

/** In an order that does not depend on the store's. */
function namedEntries(advertisements: readonly ParsedAdvertisement[]): readonly NamedEntry[] {
  return advertisements
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, advertisements: entries }) =>
      entries.map((entry, index) => ({ id: `${name}/${index}`, entry })),
    );
}
