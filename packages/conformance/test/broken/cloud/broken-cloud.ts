import type { CloudConformanceOptions } from "@netloom/conformance/cloud";
import { CloudError, type CloudFault, type CloudProvider } from "@netloom/ipam-cloud";
import { simStage, type ShapeOptions, type SimCloud } from "@netloom/sim-cloud";

/** What is wrong with `inner`, a provider in `sim`; `memory` is what it remembers over restarts. */
export type Change = (inner: CloudProvider, sim: SimCloud, memory: Memory) => Partial<CloudProvider>;

export type Shape = (sim: SimCloud, options: ShapeOptions) => CloudProvider;

/** By the check that finds it; without a shape, like AWS. */
export type Breaks = Readonly<Record<string, { readonly shape?: Shape; readonly change: Change }>>;

/** What became of each intent, and of each thing. */
export interface Memory {
  readonly done: Set<string>;
  readonly failed: Map<string, "crash" | "loss" | "other">;
}

/** A shape of the simulated cloud, but for what `change` does to it. */
export function cloudOptions(shape: Shape, change: Change = () => ({})): CloudConformanceOptions {
  const memories = new WeakMap<SimCloud, Memory>();
  const broken: Shape = (sim, options) => {
    const memory = memories.get(sim) ?? { done: new Set(), failed: new Map() };
    memories.set(sim, memory);
    const inner = shape(sim, options);
    return { ...delegate(inner), ...change(inner, sim, memory) };
  };
  return { create: () => simStage(broken, { permission }), versions: shape.name !== "awsLike" };
  function permission(action: string): string {
    return `${{ awsLike: "ec2:", azureLike: "Microsoft.Network/" }[shape.name] ?? "compute."}${action}`;
  }
}

/** Remembers how it ended. */
export async function remember<Answer>(
  { done, failed }: Memory,
  key: string,
  act: () => Promise<Answer>,
): Promise<Answer> {
  try {
    const answer = await act();
    done.add(key);
    return answer;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    failed.set(key, message.includes("died") ? "crash" : message.includes("no answer") ? "loss" : "other");
    throw error;
  }
}

/** Takes one fault for another. */
export function mistaking(right: (fault: CloudFault, error: unknown) => boolean, wrong: CloudFault): Change {
  return (inner) => ({
    classify: (error) => {
      const fault = inner.classify(error);
      return right(fault, error) ? wrong : fault;
    },
  });
}

export function refuse(kind: "transient" | "invalid", why: string): never {
  throw new CloudError({ kind }, why);
}

function delegate(inner: CloudProvider): CloudProvider {
  const { name, account, capabilities } = inner;
  return {
    name,
    account,
    capabilities,
    pools: (node, call) => inner.pools(node, call),
    readNode: (node, call) => inner.readNode(node, call),
    limits: (node, call) => inner.limits(node, call),
    ensureInterface: (request, call) => inner.ensureInterface!(request, call),
    removeInterface: (request, call) => inner.removeInterface!(request, call),
    assign: (request, call) => inner.assign(request, call),
    unassign: (request, call) => inner.unassign!(request, call),
    orphans: (call) => inner.orphans!(call),
    classify: (error) => inner.classify(error),
  };
}
