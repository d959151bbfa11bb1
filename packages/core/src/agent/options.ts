import type { Family } from "../address/index.ts";
import { NetloomError } from "../errors.ts";
import { LabelFilter } from "../labels/index.ts";
import { parseNode, type NodeFact } from "../node/node.ts";
import type { EnforcementMode } from "../policy/types.ts";
import type { Datapath } from "../ports/datapath.ts";
import type { Ipam } from "../ports/ipam.ts";
import type { Routing } from "../ports/routing.ts";
import type { Runtime } from "../ports/runtime.ts";
import type { Store } from "../ports/store.ts";
import { systemRuntime } from "../system/index.ts";

export interface AgentOptions {
  readonly node: {
    /** Unique in the cluster. */
    readonly name: string;
    /** By which other nodes reach it, one of each family at most. */
    readonly addresses: readonly string[];
    /** The ranges somebody assigned to it (Kubernetes `spec.podCIDRs`), where its IPAM takes them from here. */
    readonly podCIDRs?: readonly string[];
    /** For whoever selects nodes, e.g. to configure their BGP: Kubernetes' own. @defaultValue none */
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly store: Store;
  readonly ipam: Ipam;
  readonly routing: Routing;
  readonly datapath: Datapath;
  /** Several clusters may share a store. @defaultValue "default" */
  readonly cluster?: string;
  /** Of pod addresses. @defaultValue those the IPAM and the datapath both have, IPv4 only where in doubt */
  readonly families?: readonly Family[];
  /** Which labels make an identity: patterns for {@link LabelFilter}, the same on every node. @defaultValue [] */
  readonly identityLabels?: readonly string[];
  readonly policy?: {
    /** @defaultValue "default" */
    readonly enforcement?: EnforcementMode;
    /** The node may always reach its pods, e.g. to probe their health. @defaultValue true */
    readonly allowLocalHost?: boolean;
  };
  /**
   * How long a change of labels waits for the other nodes to know the new identity, in milliseconds, before it takes
   * effect regardless. @defaultValue 5000
   */
  readonly identityGrace?: number;
  /**
   * How often maps, devices and routes are read back and mended where somebody else has changed them, in milliseconds;
   * 0: never. @defaultValue 60000
   */
  readonly auditInterval?: number;
  /** @defaultValue the clock and chance of the process */
  readonly runtime?: Runtime;
}

/** Options, checked, with their defaults. */
export interface AgentConfig {
  readonly node: NodeFact;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly cluster: string;
  readonly families: readonly Family[];
  readonly filter: LabelFilter;
  readonly enforcement: EnforcementMode;
  readonly allowLocalHost: boolean;
  readonly identityGrace: number;
  readonly auditInterval: number;
  readonly runtime: Runtime;
}

const MODES: readonly string[] = ["default", "always", "never"];

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`, `ERR_NODE_INVALID`, `ERR_UNSUPPORTED`. */
export function parseAgentOptions(options: AgentOptions): AgentConfig {
  for (const port of ["store", "ipam", "routing", "datapath"] as const) {
    if (typeof options[port] !== "object" || options[port] === null) {
      throw invalid(port, options[port], `give a backend, e.g. ${EXAMPLES[port]}`);
    }
  }
  const enforcement = options.policy?.enforcement ?? "default";
  if (!MODES.includes(enforcement))
    throw invalid("policy.enforcement", enforcement, `write one of ${MODES.join(", ")}`);
  const identityGrace = options.identityGrace ?? 5000;
  if (!(identityGrace >= 0)) throw invalid("identityGrace", identityGrace, "write milliseconds, 0 or more");
  const auditInterval = options.auditInterval ?? 60_000;
  if (!(auditInterval >= 0)) throw invalid("auditInterval", auditInterval, "write milliseconds, 0 or more");
  const cluster = options.cluster ?? "default";
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(cluster)) {
    throw invalid("cluster", cluster, "write lower-case letters, digits and '-'");
  }
  return {
    node: parseNode({ ...options.node, routers: [] }),
    nodeLabels: nodeLabelsOf(options.node.labels),
    cluster,
    families: familiesOf(options),
    filter: new LabelFilter(options.identityLabels ?? []),
    enforcement,
    allowLocalHost: options.policy?.allowLocalHost ?? true,
    identityGrace,
    auditInterval,
    runtime: options.runtime ?? systemRuntime,
  };
}

const EXAMPLES = { store: "memoryStore()", ipam: "clusterPool()", routing: "vxlan()", datapath: "ebpf()" };

function nodeLabelsOf(labels: unknown = {}): Readonly<Record<string, string>> {
  const texts =
    Object(labels) === labels && !Array.isArray(labels) ? Object.entries(labels as object) : undefined;
  if (texts === undefined || texts.some(([, value]) => typeof value !== "string"))
    throw invalid("node.labels", labels, 'write texts by their names, e.g. { rack: "r1" }');
  return { ...(labels as Readonly<Record<string, string>>) };
}

function familiesOf({ families, ipam, datapath }: AgentOptions): readonly Family[] {
  const able = datapath.capabilities.families.filter((family) => ipam.capabilities.families.includes(family));
  if (families === undefined) return able.includes(4) ? [4] : able.slice(0, 1);
  if (families.length === 0) throw invalid("families", families, "write [4], [6] or [4, 6]");
  const missing = families.find((family) => !able.includes(family));
  if (missing === undefined) return families;
  const who = datapath.capabilities.families.includes(missing)
    ? `IPAM ${ipam.name}`
    : `datapath ${datapath.name}`;
  throw new NetloomError("ERR_UNSUPPORTED", `IPv${missing} is not for ${who}`, {
    input: families,
    remedy: `leave ${missing} out of families, or use another backend`,
  });
}

function invalid(option: string, input: unknown, remedy: string): NetloomError {
  const shown = Object(input) === input ? "" : ` ${String(input)}`;
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${option}${shown} is not acceptable`, {
    input,
    remedy,
  });
}
