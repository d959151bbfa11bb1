import type { Datapath } from "@netloom/core";
import type { DemoCluster, DemoPod } from "./cluster.ts";
import type { Stage, Target } from "./main.ts";
import { bold, dim, green, red } from "./walk.ts";

/** Without packets: asks the tables that both ends' datapaths hold what would become of one. */
export function memoryStage(datapath: () => Datapath): Stage {
  let cluster: DemoCluster | undefined;
  const ask = (
    from: DemoPod,
    to: Target,
  ): { allowed: boolean; lines: string[]; backend: string | undefined } => {
    const question = {
      source: from.endpoint.addresses[0]!,
      destination: to.address,
      protocol: "TCP",
      port: to.port,
    } as const;
    const here = from.node.agent.verdict(question);
    const backend = here.backend?.split(":") ?? [to.address, String(to.port)];
    const owner = cluster!.nodes.find(({ agent }) =>
      agent.endpoints.list().some(({ addresses }) => addresses.includes(backend[0]!)),
    );
    const there = owner?.agent.verdict({ ...question, destination: backend[0]!, port: Number(backend[1]) });
    const lines: string[] = [];
    if (here.backend !== undefined)
      lines.push(`service   destination becomes ${here.backend} ${dim("(it gets the most)")}`);
    lines.push(`egress    ${from.node.name}: ${describe(here.egress)}`);
    lines.push(`ingress   ${owner?.name ?? "?"}: ${describe(there?.ingress)}`);
    const allowed = here.egress?.allowed !== false && there?.ingress?.allowed !== false;
    return { allowed, lines, backend: here.backend };
  };
  return {
    datapath,
    begin: async (started) => void (cluster = started),
    netns: () => "",
    serve: async () => {},
    async connect(from, to, expected) {
      const { allowed, lines } = ask(from, to);
      console.log(`  ${bold(from.endpoint.name)} ─▶ ${bold(`${to.address}:${to.port}`)}`);
      for (const line of lines) console.log(`  │  ${line}`);
      console.log(`  ${allowed ? green("⇒ would be delivered") : red("✗ would be dropped")}`);
      return allowed === (expected === "allowed");
    },
    async spread(from, to, times) {
      const question = {
        source: from.endpoint.addresses[0]!,
        destination: to.address,
        protocol: "TCP",
        port: to.port,
      } as const;
      const names = new Map<string, string>();
      for (const { agent } of cluster!.nodes) {
        for (const { name, addresses } of agent.endpoints.list())
          names.set(addresses[0]!, name.slice("default/".length));
      }
      const shares = [...from.node.agent.verdict(question).shares];
      return new Map(
        shares.map(([end, share]) => [names.get(end.split(":")[0]!) ?? end, Math.round(share * times)]),
      );
    },
    summary: ({ nodes }) => {
      console.log(bold("\nSummary"));
      for (const { name, agent } of nodes) {
        const { endpoints, identities, policies, services, revision } = agent.describe();
        console.log(
          `  ${name}: ${endpoints} endpoints, ${identities} identities, ${policies} policy, ${services} service, revision ${revision.applied}`,
        );
      }
      console.log(
        dim("  No packet was sent: these are the tables that the kernel's datapath would have been given."),
      );
    },
    async end() {
      for (const { agent } of cluster?.nodes ?? []) await agent.stop();
      await cluster?.operator.stop();
    },
  };
}

function describe(verdict: ReturnType<DemoPod["node"]["agent"]["verdict"]>["ingress"]): string {
  if (verdict === undefined) return "not asked";
  if (verdict.rule !== undefined) {
    const { policy, direction, index, action } = verdict.rule;
    return `${action === "allow" ? green("allow") : red("deny")} by ${policy} ${direction}[${index}]`;
  }
  return verdict.allowed
    ? `no policy selects this direction: ${green("allow")}`
    : `no rule fits, and ${verdict.enforcedBy.join(", ")} ${red("denies by default")}`;
}
