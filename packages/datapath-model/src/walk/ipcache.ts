import { ipv4 } from "@netloom/core";
import { IpcacheFlag, ReservedIdentity, type EndpointValue, type IpcacheValue } from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";

/** The pod of this node that has the address. */
export function endpointOf({ maps }: NodeState, address: number): EndpointValue | undefined {
  return maps.endpoints.use({ address: ipv4(address) });
}

/** What the cluster knows of an address: of it alone first, then of the narrowest range around it. */
export function ipcacheLookup({ maps }: NodeState, address: number): IpcacheValue | undefined {
  const key = { address: ipv4(address) };
  return maps.ipcache.use(key) ?? maps.ipcachePrefixes.use({ prefixLength: 128, ...key });
}

/** Nobody knows it: then it is of the world. */
export function identityOf({ config }: NodeState, entry: IpcacheValue | undefined): number {
  return entry?.identity ?? config.worldIdentity;
}

/** The node to encapsulate to; 0: it is not behind a tunnel. */
export function tunnelOf(entry: IpcacheValue | undefined): number {
  return entry?.tunnel.w3 ?? 0;
}

/** Is it reached as it is, by the node's routes? */
export function isNative(entry: IpcacheValue | undefined): boolean {
  return entry !== undefined && (entry.flags & IpcacheFlag.IPCACHE_NATIVE) !== 0;
}

/** An endpoint's, of any node. */
export function isPodIdentity(identity: number): boolean {
  return (
    identity >= ReservedIdentity.IDENTITY_CLUSTER_FIRST && identity < ReservedIdentity.IDENTITY_LOCAL_FIRST
  );
}

/** The node itself answers to both of its addresses. */
export function isThisNode({ config }: NodeState, address: number): boolean {
  return address === config.nodeIpv4 || address === config.routerIpv4;
}
