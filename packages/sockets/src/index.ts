/**
 * TCP and UDP sockets with what `node:net` and `node:dgram` leave out: TCP-MD5, TTL security, devices, namespaces.
 *
 * @example
 * import { connectTcp } from "@netloom/sockets";
 *
 * const socket = await connectTcp({ address: "192.0.2.1", port: 179, md5: "secret", ttl: 255, minimumTtl: 255 });
 *
 * @packageDocumentation
 */

export { connectTcp, type ConnectTcpOptions } from "./tcp/connect.ts";
export { listenTcp, type ListenTcpOptions, type TcpListener } from "./tcp/listen.ts";
export { applyOptions, type Endpoints, endpointsOf, type LiveTcpOptions } from "./tcp/options.ts";
export { type Features, features } from "./features.ts";
export { type OnMessage, openUdp, type OpenUdpOptions, type UdpSocket } from "./udp.ts";
export { isSocketError, SocketError, type SocketErrorCode, type SocketErrorDetails } from "./errors.ts";
export type { SocketAddress } from "./sys/address.ts";
export type { IpFamily } from "./text/ip.ts";
