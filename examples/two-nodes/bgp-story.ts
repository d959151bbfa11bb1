import { messageOf } from "@netloom/core";
import { formatRoutes, formatSummary } from "@netloom/routing-bgp";
import type { DemoCluster } from "./cluster.ts";
import { BFD, namesBut, podCIDRs, ROUTER, type RoutedFabric } from "./routed-fabric.ts";
import { bold, dim, green, red } from "./walk.ts";

/** Longer than that nobody waits for a route to go. Milliseconds. */
const PATIENCE = 10_000;

/** Waits until everybody knows the way to everybody, and shows how they know. */
export async function meet(fabric: RoutedFabric, { nodes }: DemoCluster): Promise<void> {
  const began = performance.now();
  await fabric.converged(nodes);
  const took = (performance.now() - began).toFixed(0);
  const [first] = nodes;
  const speaker = fabric.routingOf(0).speaker("default")!;
  const learned = [];
  for await (const route of speaker.routes()) learned.push(route);
  console.log(bold("\nBGP"));
  console.log(`  router  ${await fabric.version()}, with a link to each node, and BFD on it`);
  console.log(dim(`  all pods' routes were in all kernels ${took} ms after the last agent had started`));
  console.log(`\n  What ${first!.name} says:\n`);
  console.log(indent(formatSummary(await fabric.routingOf(0).status(), Date.now())));
  console.log(indent(formatRoutes(learned)));
  console.log("  What is in the kernels:\n");
  // Of more than two one is like the other.
  const shown = nodes.length === 2 ? nodes : [first!];
  for (const where of [ROUTER, ...shown.map(({ name }) => name)]) {
    for (const { to, via, metric } of fabric.routes(where)) {
      console.log(`    ${where.padEnd(7)} ${to.padEnd(15)} via ${via} proto bgp metric ${metric}`);
    }
  }
}

/**
 * The last node is cut off, and nobody is told.
 *
 * @returns whether everybody has found out.
 */
export async function lose(fabric: RoutedFabric, { nodes }: DemoCluster): Promise<boolean> {
  const dead = nodes.at(-1)!;
  const prefixes = new Set(podCIDRs(dead));
  console.log(bold(`\n4. A node dies: the cable of ${dead.name} is cut, and no device is told`));
  const began = performance.now();
  fabric.cut(nodes.length - 1);
  const waits = [ROUTER, ...namesBut(nodes, dead)].map(async (where) => {
    while (fabric.routes(where).some(({ to }) => prefixes.has(to))) {
      if (performance.now() - began > PATIENCE) throw new Error(`${where} still has its routes`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return { where, took: performance.now() - began };
  });
  try {
    const gone = await Promise.all(waits);
    console.log(
      `  BFD: a packet each ${BFD.interval} ms; after ${BFD.multiplier} that are missing the way is down`,
    );
    const [router, ...others] = gone.map(({ where, took }) => `${where} ${took.toFixed(0)} ms`);
    console.log(
      `  ${green("✓")} ${[...prefixes].join(", ")} is gone from the kernels of ${[router, ...others].join(", ")} after the cut; BGP's own hold time is 90 s`,
    );
    return true;
  } catch (error) {
    console.log(`  ${red("✗")} ${messageOf(error)}`);
    return false;
  }
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "    ");
}
