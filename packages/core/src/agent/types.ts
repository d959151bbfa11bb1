import type { Cluster } from "../cluster/client.ts";
import type { Emits } from "../events.ts";
import type { Status } from "../lifecycle.ts";
import type { NodeFact } from "../node/node.ts";
import type { DatapathMaps, DatapathMetric, Drift } from "../ports/datapath.ts";
import type { IpamStatus } from "../ports/ipam.ts";
import type { AbortOptions, Revision } from "../ports/store.ts";
import type { EndpointEvents, Endpoints } from "./endpoints.ts";
import type { Flow } from "./flows.ts";
import type { Inspection } from "./inspection.ts";
import type { ProposedChange } from "./proposal.ts";
import type { Verdict, VerdictQuestion } from "./verdict.ts";

export interface AgentEvents extends EndpointEvents {
  /** The datapath has everything up to here. */
  "revision:applied": [revision: Revision];
  /** Somebody else had changed the datapath; it is as it should be again. */
  "drift:repaired": [drifts: readonly Drift[]];
  /** What went wrong in a loop. The loop goes on. */
  error: [error: unknown];
}

export interface AgentStatus {
  readonly node: NodeFact;
  readonly lifecycle: Status;
  /** `seen`: what the facts say; `applied`: what the datapath has. */
  readonly revision: { readonly seen: Revision; readonly applied: Revision };
  readonly nodes: number;
  readonly endpoints: number;
  readonly identities: number;
  readonly policies: number;
  readonly services: number;
  readonly podMtu: number;
  readonly ipam: IpamStatus;
  readonly metrics: readonly DatapathMetric[];
  /** How often there was an event `error`. */
  readonly errors: number;
  /** What audits have found and mended, each entry, device and route by itself. */
  readonly driftsRepaired: number;
}

/** One node's network: what Cilium's agent is, as an object. */
export interface Agent extends AsyncDisposable {
  readonly name: string;
  readonly status: Status;
  readonly events: Emits<AgentEvents>;
  /** The pods of this node. */
  readonly endpoints: Endpoints;
  /** What belongs to no node: policies, services, and the list of nodes. */
  readonly cluster: Cluster;
  /** Resolves when the datapath enforces what is there. A failed start leaves nothing running. */
  start(): Promise<void>;
  /** Stops changes, not traffic: what the datapath has stays in force. */
  stop(): Promise<void>;
  /** Resolves when this node enforces what the facts said at `revision`; `cluster.settled` asks all nodes. */
  settled(revision: Revision, options?: AbortOptions): Promise<void>;
  /** Every pass of a packet that is worth telling, with names. Ends when aborted or stopped. */
  flows(options?: AbortOptions): AsyncIterable<readonly Flow[]>;
  /** What the datapath's own tables say of a packet, without sending one. */
  verdict(question: VerdictQuestion): Verdict;
  describe(): AgentStatus;
  /** Lays open what is in force here, for tools that explain it. */
  inspect(): Inspection;
  /**
   * Derives what changes would make of this node, from the facts as they are now, into maps that are not in force.
   * Flows that are known count for nothing in it.
   *
   * @param maps - empty ones, e.g. `memoryMaps()`.
   * @throws `ERR_POLICY_INVALID`, `ERR_SERVICE_INVALID`, `ERR_LABEL_INVALID`, `ERR_ENDPOINT_NOT_FOUND`.
   */
  propose(changes: readonly ProposedChange[], maps: DatapathMaps): Promise<Inspection>;
  /**
   * Reads maps, devices and routes back and mends what is not as the agent left it. Happens by itself every
   * `auditInterval`. Resolves to what it found, when it is mended.
   */
  audit(): Promise<readonly Drift[]>;
  /** Stops, and removes every trace of the node: interfaces, programs, maps, facts. Its pods lose their network. */
  uninstall(): Promise<void>;
}
