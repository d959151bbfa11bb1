/**
 * Netloom's vocabulary, ports, pure engines, agent and operator. No I/O: it runs in any JavaScript engine, and
 * everything of the outside comes in through {@link Store}, {@link Ipam}, {@link Routing}, {@link Datapath} and
 * {@link Runtime}.
 *
 * @packageDocumentation
 */

// The assembly.
export { createAgent } from "./agent/agent.ts";
export type { Agent, AgentEvents, AgentStatus } from "./agent/types.ts";
export type { CreateEndpointOptions, Endpoint, EndpointEvents, Endpoints } from "./agent/endpoints.ts";
export type { Inspection } from "./agent/inspection.ts";
export type { ProposedChange } from "./agent/proposal.ts";
export type { Provenance, Provenances } from "./agent/provenance.ts";
export type { Flow, FlowEnd, FlowOutcome, FlowVerdict } from "./agent/flows.ts";
export type { AgentOptions } from "./agent/options.ts";
export { prometheusText } from "./agent/prometheus.ts";
export type { DirectionVerdict, Verdict, VerdictQuestion } from "./agent/verdict.ts";
export { createClusterClient } from "./cluster/client.ts";
export type { Cluster, ClusterOptions, Writer } from "./cluster/client.ts";
export { createOperator } from "./operator/operator.ts";
export type { Operator, OperatorEvents, OperatorOptions } from "./operator/operator.ts";

// What people write.
export { parsePolicy } from "./policy/parse.ts";
export { portLabel } from "./policy/named-ports.ts";
export { prefixLabel } from "./policy/prefix-labels.ts";
export type { NamedProtocol } from "./policy/named-ports.ts";
export { POLICY_ENTITIES, POLICY_PROTOCOLS } from "./policy/types.ts";
export type {
  EnforcementMode,
  NetworkPolicy,
  PolicyDirection,
  PolicyEntity,
  PolicyPeer,
  PolicyPort,
  PolicyProtocol,
  PolicyRule,
} from "./policy/types.ts";
export type { RuleReference } from "./policy/rule-book.ts";
export { parseService } from "./service/parse.ts";
export type {
  ExternalTrafficPolicy,
  Service,
  ServiceAddressType,
  ServiceBackend,
  ServicePort,
} from "./service/types.ts";
export type { NodeFact } from "./node/node.ts";

// What third parties implement.
export type * from "./ports/index.ts";

// The vocabulary, and the engines under it.
export * from "./address/index.ts";
export * from "./labels/index.ts";
export * from "./ipam/index.ts";
export { maglevTable, MAGLEV_SIZES } from "./service/maglev.ts";
export type { MaglevBackend } from "./service/maglev.ts";
export {
  CLUSTER_IDENTITIES,
  identityScope,
  LOCAL_IDENTITIES,
  RESERVED_IDENTITIES,
  reservedName,
} from "./identity/numeric.ts";
export type { IdentityScope, ReservedName } from "./identity/numeric.ts";
export { ENDPOINT_EVENTS, ENDPOINT_STATES, ENDPOINT_TRANSITIONS, transition } from "./endpoint/state.ts";
export type { EndpointEvent, EndpointState, EndpointTransition } from "./endpoint/state.ts";

// Errors, events, lifecycle, time.
export { ERROR_CODES, NetloomError, isNetloomError, messageOf } from "./errors.ts";
export type { ErrorCode, NetloomErrorOptions } from "./errors.ts";
export { TypedEmitter } from "./events.ts";
export type { Emits, EventMap, Listener, ListenerErrorHook } from "./events.ts";
export { Lifecycle } from "./lifecycle.ts";
export type { Part, Status } from "./lifecycle.ts";
export { systemClock, systemRandom, systemRuntime } from "./system/index.ts";
export { Backoff } from "./time/backoff.ts";
export { sleep } from "./time/sleep.ts";
