import { ipv4 } from "@netloom/core";
import {
  BackendState,
  CtFlag,
  DropReason,
  Limits,
  type BackendValue,
  type ServiceValue,
} from "@netloom/core/backend";
import type { NodeState } from "../node-state.ts";
import {
  ctCreate,
  ctTouch,
  littleEndian,
  littleEndianPort,
  type Flow,
  type Remembered,
} from "./conntrack.ts";
import { rewriteEnd, rewriteInnerEnd } from "./rewrite.ts";
import { Drop } from "./verdict.ts";
import type { Ends, Walk } from "./walk.ts";

/** 169.254.42.1: the source a pod sees when a service sends its own packets back to it. */
const LOOPBACK_ADDRESS = 0xa9fe2a01;

/** murmur3-32 of the flow, as a little-endian machine reads its fields: any node sends it to the same backend. */
function flowHash({ source, destination, sourcePort, destinationPort }: Ends, protocol: number): number {
  const ports = (littleEndianPort(sourcePort) << 16) | littleEndianPort(destinationPort);
  let hash = mix(mix(mix(protocol, littleEndian(source)), littleEndian(destination)), ports);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

interface Chosen {
  readonly index: number;
  readonly backend: BackendValue;
}

/** How a packet for a frontend was translated. */
export interface Translation {
  /** Of the flow from client to backend. */
  readonly remember: Partial<Remembered>;
  /** Number of a backend that was chosen for this packet: to be remembered once policy has let it pass; 0: none was. */
  readonly chosen: number;
}

/**
 * Sends a packet for a frontend to a backend: the one this flow had, or a chosen one. `flow` is the one from client to
 * frontend, where it is known.
 *
 * @returns `undefined` where the destination is no frontend, or its own backend: then nothing has changed.
 * @throws Drop where there is no backend.
 */
export function serviceTranslate(walk: Walk, flow: Flow | undefined): Translation | undefined {
  const frontend = walk.goes;
  const kept = flow?.has(CtFlag.CT_SERVICE) === true ? backendKept(walk.node, flow) : undefined;
  if (kept !== undefined) ctTouch(walk, flow!);
  const choice = kept === undefined ? backendAnew(walk, flow) : { index: 0, backend: kept };
  if (choice === undefined) return undefined;
  const { index: chosen, backend } = choice;
  const natAddress = frontend.destination;
  const remember = { flags: CtFlag.CT_TRANSLATED, natAddress, natPort: frontend.destinationPort };
  const address = backend.address.w3;
  if (address === frontend.destination && backend.port === frontend.destinationPort) return undefined;
  const toItself = address === frontend.source;
  // A pod that is sent to itself would take its own address for a martian: show it another.
  if (toItself) rewriteEnd(walk, "source", LOOPBACK_ADDRESS, frontend.sourcePort);
  rewriteEnd(walk, "destination", address, backend.port);
  const loopback = toItself ? CtFlag.CT_LOOPBACK : 0;
  return { remember: { ...remember, flags: remember.flags | loopback }, chosen };
}

/**
 * The same for a client outside, whose packet is for a frontend that has been looked up. The client may be the backend,
 * and needs no other address for that: it gets this node's.
 *
 * @throws Drop where there is no backend.
 */
export function serviceTranslateFromOutside(
  walk: Walk,
  service: ServiceValue,
  flow: Flow | undefined,
): Translation {
  const { destination: natAddress, destinationPort: natPort } = walk.goes;
  const kept = flow === undefined ? undefined : backendKept(walk.node, flow);
  if (kept !== undefined) ctTouch(walk, flow!);
  else walk.service = service.externalId;
  const choice = kept === undefined ? backendChosen(walk, service.externalId) : { index: 0, backend: kept };
  if (choice === undefined) throw new Drop(DropReason.DROP_NO_BACKEND);
  const { index: chosen, backend } = choice;
  rewriteEnd(walk, "destination", backend.address.w3, backend.port);
  const flags = CtFlag.CT_TRANSLATED | CtFlag.CT_FROM_OUTSIDE;
  return { remember: { flags, natAddress, natPort }, chosen };
}

/**
 * Remembers the chosen backend, once policy has let the packet pass: what is refused leaves nothing.
 *
 * @param from - `CT_FROM_OUTSIDE`, or 0 for a pod of this node.
 */
export function serviceRemember(walk: Walk, chosen: number, from: number): void {
  const { destination: natAddress, destinationPort: natPort } = walk.goes;
  ctCreate(walk, walk.came, { flags: CtFlag.CT_SERVICE | from, backend: chosen, natAddress, natPort });
}

/** The backend a flow was given, as long as it is there; UDP flows would else feed a dead one for ever. */
function backendKept({ maps }: NodeState, { value }: Flow): BackendValue | undefined {
  const backend = maps.backends.use(value.backend);
  if (backend === undefined || backend.state === BackendState.BACKEND_GONE) return undefined;
  const same = backend.port === value.natPort && backend.address.w3 === value.natAddress.w3;
  return same ? backend : undefined;
}

/** A backend for a new flow, or for one whose backend is gone. */
function backendAnew(walk: Walk, flow: Flow | undefined): Chosen | undefined {
  const { maps } = walk.node;
  const { destination, destinationPort: port } = walk.goes;
  const service = maps.services.use({ address: ipv4(destination), port, protocol: walk.protocol });
  if (service === undefined) {
    if (flow?.has(CtFlag.CT_SERVICE) === true) throw new Drop(DropReason.DROP_NO_BACKEND);
    return undefined;
  }
  walk.service = service.id;
  const chosen = backendChosen(walk, service.id);
  if (chosen === undefined) throw new Drop(DropReason.DROP_NO_BACKEND);
  return chosen;
}

/** The Maglev table says who gets new flows: a terminating backend too, where nobody else is left. */
function backendChosen(walk: Walk, service: number): Chosen | undefined {
  const { maps } = walk.node;
  const slot = Math.floor((flowHash(walk.goes, walk.protocol) * Limits.MAGLEV_SLOTS) / 2 ** 32);
  const index = maps.maglev.slot(service, slot) ?? 0;
  const backend = index === 0 ? undefined : maps.backends.use(index);
  if (backend === undefined || backend.state === BackendState.BACKEND_GONE) return undefined;
  return { index, backend };
}

/** Gives a reply of a backend the frontend's address back, before the client sees it. */
export function serviceRestore(walk: Walk, flow: Flow): void {
  const backend = walk.goes.source;
  rewriteEnd(walk, "source", flow.value.natAddress.w3, flow.value.natPort);
  if (flow.has(CtFlag.CT_LOOPBACK)) rewriteEnd(walk, "destination", backend, walk.goes.destinationPort);
}

/** The same for an ICMP error about a packet of the client's: its inner destination is the frontend again. */
export function serviceRestoreInner(walk: Walk, flow: Flow): void {
  if (walk.inner === undefined) return;
  const { ends } = walk.inner;
  const backend = walk.goes.source;
  const { natAddress, natPort } = flow.value;
  // Only where the error is about the client's own packet; the backend never knew of the frontend.
  if (!walk.origin) return;
  rewriteInnerEnd(walk, "destination", natAddress.w3, natPort);
  // Outside nobody knows a backend, nor who is on the way there.
  if (flow.has(CtFlag.CT_FROM_OUTSIDE)) rewriteEnd(walk, "source", natAddress.w3, walk.goes.sourcePort);
  if (!flow.has(CtFlag.CT_LOOPBACK)) return;
  // The pod tells itself: of its own packet, and from the frontend.
  rewriteInnerEnd(walk, "source", backend, ends.sourcePort);
  rewriteEnd(walk, "source", natAddress.w3, walk.goes.sourcePort);
  rewriteEnd(walk, "destination", backend, walk.goes.destinationPort);
}

/** The other way: a client's ICMP error about a frontend's reply is for the backend that sent it. */
export function serviceTranslateInner(walk: Walk, flow: Flow): void {
  const { natAddress, natPort } = flow.value;
  rewriteInnerEnd(walk, "source", natAddress.w3, natPort);
  if (walk.inner !== undefined) {
    const { protocol, ends } = walk.inner;
    walk.inner = { protocol, ends: { ...ends, source: natAddress.w3, sourcePort: natPort } };
  }
  rewriteEnd(walk, "destination", natAddress.w3, walk.goes.destinationPort);
}
