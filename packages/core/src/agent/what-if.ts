import type { FactTables } from "../facts/fact-tables.ts";
import type { Keys } from "../facts/keys.ts";
import type { LabelTable } from "../labels/index.ts";
import type { Attachment, Datapath, DatapathContext, DatapathMaps } from "../ports/datapath.ts";
import type { RoutePlan } from "../ports/routing.ts";
import type { Store } from "../ports/store.ts";
import { Derivation } from "./derivation.ts";
import { FlowReader } from "./flows.ts";
import type { Inspection } from "./inspection.ts";
import type { AgentConfig } from "./options.ts";
import { proposedFacts, type ProposedChange } from "./proposal.ts";
import { Provenances } from "./provenance.ts";

/** What a running agent is made of, as far as a proposal is judged by it. */
export interface PresentAgent {
  readonly config: AgentConfig;
  readonly store: Store;
  readonly datapath: Datapath;
  readonly keys: Keys;
  readonly labels: LabelTable;
  readonly plan: RoutePlan;
  readonly podCIDRs: readonly string[];
  readonly context: DatapathContext;
  readonly attachments: readonly Attachment[];
  readonly report: (error: unknown) => void;
}

/**
 * Fills `maps` with what the datapath would hold after some changes, by the way that facts always go.
 *
 * @throws what {@link proposedFacts} throws.
 */
export async function whatIf(
  changes: readonly ProposedChange[],
  maps: DatapathMaps,
  agent: PresentAgent,
): Promise<Inspection> {
  const { config, store, datapath, keys, labels, report, context } = agent;
  const { filter, enforcement, runtime, node } = config;
  const facts = proposedFacts(await store.list(keys.state), changes, {
    keys,
    labels,
    identityOf: (set) => labels.intern(filter.select(set)),
    report,
  });
  const derivation = new Derivation({
    node: node.name,
    enforcement,
    worldIdentity: context.worldIdentity,
    facts,
    labels,
    report,
  });
  const flows = new FlowReader({ node: node.name, datapath, facts, derivation, runtime });
  for (const attachment of agent.attachments) {
    derivation.setAttachment(attachment.name, attachment);
    flows.named(attachment);
  }
  derive(derivation, flows, facts);
  derivation.setPlan(agent.plan, agent.podCIDRs);
  derivation.write(maps);
  return {
    node: node.name,
    context,
    maps,
    provenance: new Provenances(facts, derivation),
    now: () => datapath.now(),
    describe: (event) => flows.describe(event),
  };
}

function derive(derivation: Derivation, flows: FlowReader, facts: FactTables): void {
  const derived = facts.changes();
  for (const change of derived) flows.remember(change);
  derivation.apply(derived);
}
