/**
 * Netloom's datapath in TypeScript: the executable specification of `bpf/`, and a datapath for tests without root.
 *
 * @packageDocumentation
 */

// The datapath, and what connects nodes.
export { modelDatapath, ModelDatapath } from "./datapath.ts";
export type { ModelRunOptions, ModelRunResult } from "./datapath.ts";
export type { EventChoice, ModelDatapathOptions } from "./options.ts";
export { modelFabric, ModelFabric } from "./fabric/fabric.ts";
export type { FabricCounts, FabricPort, ModelFabricOptions } from "./fabric/fabric.ts";
export type { ModelPod } from "./fabric/pod.ts";
export type { ModelRouter, ModelRouterOptions } from "./fabric/router.ts";
export type { ModelRoute } from "./fabric/routes.ts";
export type { Answer, AskResult, AttemptOptions, ConnectResult, Host } from "./fabric/host.ts";

// Packets.
export { icmpFrame, ipFrame, tcpFrame, udpFrame } from "./packets/build.ts";
export type { End, FrameOptions, IcmpPacket, IpPacket, TcpPacket, TransportPacket } from "./packets/build.ts";
export { readFrame } from "./packets/read.ts";
export type { Received } from "./packets/read.ts";
export { IcmpType, IpProtocol, TcpFlag } from "./walk/protocols.ts";
export { TcxVerdict } from "./walk/verdict.ts";
export type { TunnelKey } from "./walk/packet.ts";

// Why a packet goes where it goes.
export { explain } from "./explain/explain.ts";
export type { ExplainedHop, ExplainOptions, Explanation } from "./explain/explain.ts";
export type { LookUp } from "./explain/looked-up.ts";
export type { PacketQuestion } from "./explain/question.ts";
export { explanationText } from "./explain/text.ts";
export { reachabilityChanges } from "./explain/reachability.ts";
export type { PortRange, ReachabilityChange } from "./explain/reachability.ts";
