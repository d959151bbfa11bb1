import type { NetworkPolicy, Service } from "@netloom/core";

/** Something that is done to the cluster: by people, or by fate. */
export type PlannedAct =
  /** `labels: undefined`: no such pod any more. */
  | {
      readonly do: "pod";
      readonly node: string;
      readonly pod: string;
      readonly labels: readonly string[] | undefined;
    }
  /** Deleted, and another one made under its name. */
  | {
      readonly do: "replace-pod";
      readonly node: string;
      readonly pod: string;
      readonly labels: readonly string[];
    }
  | { readonly do: "policy"; readonly name: string; readonly policy: NetworkPolicy | undefined }
  | { readonly do: "service"; readonly name: string; readonly service: Service | undefined }
  /** The process is gone at once, and back after a while. `writes`: an agent dies before so many more writes of its tables. */
  | { readonly do: "crash"; readonly process: string; readonly down: number; readonly writes?: number }
  | { readonly do: "pause"; readonly process: string; readonly milliseconds: number }
  /** Its wall clock jumps. */
  | { readonly do: "clock"; readonly process: string; readonly milliseconds: number }
  /** For so long, nothing of it reaches the store. */
  | { readonly do: "partition"; readonly process: string; readonly milliseconds: number }
  /** All its watches are lost. */
  | { readonly do: "disconnect"; readonly process: string }
  /** The store forgets the past: who is behind must list again. */
  | { readonly do: "compact" }
  | { readonly do: "expire-sessions" }
  /** Declared gone for good: its agent is down, its machine off the fabric. */
  | { readonly do: "remove-node"; readonly node: string }
  /** A machine as from a factory, under a name that may have been there before. */
  | { readonly do: "add-node"; readonly node: string }
  /** The operators come back with another definition of their components, e.g. of the pools. */
  | { readonly do: "redefine"; readonly definition: number };

/** In which step, and what. */
export type PlannedEvent = PlannedAct & { readonly step: number };

/** One line for people. */
export function describeEvent({ step, ...act }: PlannedEvent): string {
  const { do: what, ...rest } = act;
  const parts = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value) ?? "none"}`);
  return `step ${step}: ${what} ${parts.join(" ")}`.trimEnd();
}
