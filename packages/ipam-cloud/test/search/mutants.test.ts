import type { CloudFault, CloudProvider } from "@netloom/ipam-cloud";
import { afterEach, describe, expect, it, vi } from "vitest";
import type * as executors from "../../src/executor.ts";
import type * as journals from "../../src/journal.ts";
import type * as nodeRecords from "../../src/node-record.ts";
import type * as podRanges from "../../src/pod-ranges.ts";
import { explore } from "./explore.ts";
import { awsLagging, awsSingles, azureSingles, type Shape } from "./shapes.ts";
import type { Wrap } from "./story.ts";

/** What is broken now. */
const broken = vi.hoisted(() => ({ what: "" }));

vi.mock("../../src/journal.ts", async (original) => {
  const { Journal, ...rest } = await original<typeof journals>();
  class Broken extends Journal {
    override async begin(...[node, action, at]: Parameters<journals.Journal["begin"]>) {
      if (broken.what !== "journal after call") return super.begin(node, action, at);
      return { id: `netloom-${Math.floor(at)}-${Broken.#next++}`, node, action, step: "begun" as const, at };
    }
    static #next = 0;
  }
  return { ...rest, Journal: Broken };
});

vi.mock("../../src/executor.ts", async (original) => {
  const { Executor, ...rest } = await original<typeof executors>();
  class Broken extends Executor {
    override async run(...args: Parameters<executors.Executor["run"]>): Promise<executors.Outcome> {
      const outcome = await super.run(...args);
      if (broken.what !== "ambiguous is failed" || outcome.outcome !== "unknown") return outcome;
      return { ...outcome, outcome: "failed", open: false };
    }
    override async resume(...[intent, inventory]: Parameters<executors.Executor["resume"]>) {
      if (broken.what === "nothing is resumed")
        return { outcome: "done", change: (known: typeof inventory) => known, open: false } as const;
      return super.resume(intent, inventory);
    }
  }
  return { ...rest, Executor: Broken };
});

vi.mock("../../src/node-record.ts", async (original) => {
  const { NodeRecord, ...rest } = await original<typeof nodeRecords>();
  class Broken extends NodeRecord {
    override async load() {
      return broken.what === "no record" ? undefined : super.load();
    }
  }
  return { ...rest, NodeRecord: Broken };
});

vi.mock("../../src/pod-ranges.ts", async (original) => {
  const { PodRanges, ...rest } = await original<typeof podRanges>();
  class Broken extends PodRanges {
    override retire(lease: Parameters<podRanges.PodRanges["retire"]>[0]): void {
      if (broken.what === "no quarantine") this.release(lease);
      else super.retire(lease);
    }
  }
  return { ...rest, PodRanges: Broken };
});

/** A provider in which one method is another. */
function changed(change: (provider: CloudProvider) => Partial<CloudProvider>): Wrap {
  return (provider) => {
    const changes = change(provider);
    return new Proxy(provider, {
      get: (target, name) => {
        const value: unknown = Reflect.get(name in changes ? changes : target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  };
}

const certain = changed((provider) => ({
  classify: (error): CloudFault => {
    const fault = provider.classify(error);
    return fault.kind === "ambiguous" ? { kind: "invalid" } : fault;
  },
}));

const noOrphans = changed(() => ({ async *orphans() {} }));

const unflagged = changed((provider) => ({
  ensureInterface: async (request, call) => {
    const admit = (action: string): Promise<void> =>
      action.startsWith("Modify") ? Promise.reject(new Error("not done")) : call.admit(action);
    const made = provider.ensureInterface!(request, { ...call, admit });
    return made.catch(async (error: unknown) => {
      const inventory = await provider.readNode(request.node, call);
      const one = inventory?.interfaces.find(({ intent }) => intent === call.intent);
      if (one === undefined) throw error;
      return { ...one, deleteWithInstance: true };
    });
  },
}));

let fresh = 0;
const forgetful = changed((provider) => ({
  ensureInterface: (request, call) =>
    provider.ensureInterface!(request, { ...call, intent: `${call.intent}-${++fresh}` }),
}));

interface Mutant {
  readonly name: string;
  readonly shape: Shape;
  readonly wrap?: Wrap;
}

const MUTANTS: readonly Mutant[] = [
  { name: "journal after call", shape: awsSingles },
  { name: "ambiguous is failed", shape: awsSingles },
  { name: "nothing is resumed", shape: awsSingles },
  { name: "no record", shape: awsLagging },
  { name: "no quarantine", shape: azureSingles },
  { name: "a provider that is always certain", shape: azureSingles, wrap: certain },
  { name: "a provider that finds no orphans", shape: awsSingles, wrap: noOrphans },
  { name: "a provider that does not flag interfaces", shape: awsSingles, wrap: unflagged },
  { name: "a provider that makes another interface each time", shape: awsSingles, wrap: forgetful },
];

describe("the search", () => {
  afterEach(() => {
    broken.what = "";
  });

  it.each(MUTANTS)(
    "finds $name",
    async ({ name, shape, wrap }) => {
      broken.what = name;
      const options = { pairs: 200, first: true, ...(wrap === undefined ? {} : { wrap }) };
      const { findings, single, double } = await explore(shape, options);
      console.log(`${name}: found by schedule ${single + double}: ${findings[0]?.schedule ?? "never"}`);
      expect(findings).not.toEqual([]);
    },
    10 * 60_000,
  );
});
