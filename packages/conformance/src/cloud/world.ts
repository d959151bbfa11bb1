import assert from "node:assert/strict";
import { sleep, systemClock } from "@netloom/core";
import type {
  CloudCall,
  CloudFault,
  CloudInterface,
  CloudNode,
  CloudPool,
  CloudProvider,
  EnsureInterfaceRequest,
  NodeInventory,
  Orphan,
  Wanted,
} from "@netloom/ipam-cloud";
import { faultOf } from "@netloom/ipam-cloud";
import type { Check } from "../kit/check.ts";
import type { CloudStage } from "./stage.ts";

/** The stage, and what most checks ask of it. */
export interface CloudWorld {
  readonly stage: Required<CloudStage>;
  readonly node: CloudNode;
  readonly other: CloudNode;
  readonly provider: CloudProvider;
  /** The provider after a restart. */
  readonly restart: () => CloudProvider;
}

export type CloudCheck = Check<CloudWorld>;

export interface WatchedCall extends CloudCall {
  /** What was asked to be let through, in order. */
  readonly admitted: readonly string[];
}

let intents = 0;

/** One that nobody has used before. */
export function newIntent(): string {
  return `conformance-${Date.now().toString(36)}-${(++intents).toString(36)}`;
}

export interface CallOptions {
  readonly intent?: string;
  readonly signal?: AbortSignal;
  /** Before each request; what it throws, the call rejects with. `number` counts from 0. */
  readonly before?: (number: number, action: string) => void | Promise<void>;
}

/** What a provider is given with every call. */
export function callOf(options: CallOptions = {}): WatchedCall {
  const { intent = newIntent(), signal = new AbortController().signal, before } = options;
  const admitted: string[] = [];
  return {
    intent,
    signal,
    admitted,
    async admit(action) {
      signal.throwIfAborted();
      admitted.push(action);
      await before?.(admitted.length - 1, action);
    },
  };
}

/** A process that dies: nothing after this is sent. */
class Crash extends Error {}

/** Dies before the request with this number; resolves to whether it came to that. */
export async function crashing(
  number: number,
  intent: string,
  act: (call: CloudCall) => Promise<unknown>,
): Promise<boolean> {
  let dead = false;
  const call = callOf({
    intent,
    before: (count) => {
      if (count < number) return;
      dead = true;
      throw new Crash("the process died");
    },
  });
  await act(call).catch((error: unknown) => {
    if (!dead) throw error;
  });
  return dead;
}

export async function inventoryOf(provider: CloudProvider, node: CloudNode): Promise<NodeInventory> {
  const inventory = await provider.readNode(node, callOf({ intent: "" }));
  assert.ok(inventory !== undefined, `${node.instance} is there`);
  return inventory;
}

export async function firstOf(provider: CloudProvider, node: CloudNode): Promise<CloudInterface> {
  const first = (await inventoryOf(provider, node)).interfaces.find(({ primary }) => primary);
  assert.ok(first !== undefined, `${node.instance} has a first interface`);
  return first;
}

/** An interface when it is attached: what has made it need not have waited for that. */
export async function attached(world: CloudWorld, made: CloudInterface): Promise<CloudInterface> {
  const { provider, node } = world;
  const deadline = systemClock.monotonic() + 60_000;
  let one: CloudInterface | undefined = made;
  while (one?.state === "attaching") {
    assert.ok(systemClock.monotonic() < deadline, `${made.id} is attached within a minute`);
    one = await findInterface(provider, node, made.id);
    if (one?.state === "attaching") await sleep(systemClock, 200);
  }
  assert.equal(one?.state, "attached");
  return one;
}

export async function findInterface(
  provider: CloudProvider,
  node: CloudNode,
  id: string,
): Promise<CloudInterface | undefined> {
  return (await inventoryOf(provider, node)).interfaces.find((one) => one.id === id);
}

/** Every address and block of a node's interfaces. */
export function cidrsOf(inventory: NodeInventory): readonly string[] {
  return inventory.interfaces.flatMap(({ addresses }) => addresses.map(({ cidr }) => cidr));
}

/** So many single addresses, or blocks, of the family that is easiest to come by. */
export function wantedOf({ capabilities }: CloudProvider, count: number, kind: "single" | "block"): Wanted {
  const family = kind === "single" ? capabilities.singles[0] : capabilities.blocks[4] === undefined ? 6 : 4;
  assert.ok(family !== undefined);
  const prefix = kind === "block" ? capabilities.blocks[family] : family === 4 ? 32 : 128;
  assert.ok(prefix !== undefined);
  return { family, prefix, count };
}

export async function assign(
  provider: CloudProvider,
  node: CloudNode,
  count: number,
  call: CloudCall = callOf(),
  kind: "single" | "block" = "single",
): Promise<readonly string[]> {
  const { id } = await firstOf(provider, node);
  return provider.assign({ node, interface: id, ...wantedOf(provider, count, kind) }, call);
}

export function requestOf(world: CloudWorld, count = 2): EnsureInterfaceRequest {
  const { provider, node, stage } = world;
  return { node, pool: stage.pool, want: [wantedOf(provider, count, "single")] };
}

export function ensure(
  world: CloudWorld,
  call: CloudCall = callOf(),
  provider = world.provider,
): Promise<CloudInterface> {
  return provider.ensureInterface!(requestOf(world), call);
}

/** An address of the interface's pool that is free, for a request of exactly it. */
export async function freeAddress(world: CloudWorld, interfaceId: string): Promise<string> {
  const { provider, node } = world;
  const wanted = wantedOf(provider, 1, "single");
  const [free] = await provider.assign({ node, interface: interfaceId, ...wanted }, callOf());
  assert.ok(free !== undefined, "an address");
  await provider.unassign!({ node, interface: interfaceId, cidrs: [free] }, callOf());
  return free;
}

/** What a call that must not succeed failed for. */
export async function faultIn(
  provider: CloudProvider,
  what: string,
  act: () => Promise<unknown>,
): Promise<CloudFault> {
  let answer: unknown;
  try {
    answer = await act();
  } catch (error) {
    return faultOf(provider, error);
  }
  assert.fail(`${what}: should fail, and answered ${JSON.stringify(answer) ?? "nothing"}`);
}

export async function orphansOf(provider: CloudProvider, call = callOf({ intent: "" })): Promise<Orphan[]> {
  const orphans: Orphan[] = [];
  for await (const orphan of provider.orphans!(call)) orphans.push(orphan);
  return orphans;
}

export async function poolIds(provider: CloudProvider, node: CloudNode, call = callOf()): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of provider.pools(node, call)) ids.push(id);
  return ids;
}

export async function poolNamed(
  provider: CloudProvider,
  node: CloudNode,
  name: string,
): Promise<CloudPool | undefined> {
  for await (const pool of provider.pools(node, callOf())) if (pool.id === name) return pool;
  return undefined;
}

/** Nothing of it has changed, but for what cannot be compared. */
export function sorted(values: readonly string[]): readonly string[] {
  return values.toSorted();
}
