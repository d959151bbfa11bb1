import type { RoutedNode, RoutePlan, Routing } from "@netloom/core";
import type { RoutingConformanceOptions } from "@netloom/conformance/routing";
import { native } from "@netloom/routing-native";
import { vxlan } from "@netloom/routing-vxlan";

type Break = (inner: Routing) => Partial<Routing>;

/** VXLAN, but for what `change` does to it. */
export function routingOptions(change: Break = () => ({})): RoutingConformanceOptions {
  return { create: () => changed(vxlan(), change) };
}

/** The same with native routing. */
export function nativeOptions(change: Break = () => ({})): RoutingConformanceOptions {
  return { create: () => changed(native(), change), tunnels: false };
}

function changed(inner: Routing, change: Break): Routing {
  return {
    name: "broken",
    start: () => inner.start(),
    overhead: (family) => inner.overhead(family),
    plan: (local, remotes, underlay) => inner.plan(local, remotes, underlay),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    ...change(inner),
  };
}

/** By the check that finds it. */
export const brokenRoutings: Readonly<Record<string, Break>> = {
  // Remembers the node it planned for first.
  "routing/pure": (inner) => {
    let plans = 0;
    return {
      plan(local, remotes, underlay) {
        const plan = inner.plan(local, remotes, underlay);
        // What it sent before, it sends on.
        return ++plans > 2 && remotes.length === 3 ? { ...plan, tunnels: plan.tunnels.slice(1) } : plan;
      },
    };
  },
  // Whoever came first has it.
  "routing/order": (inner) => ({
    plan(local, remotes, underlay) {
      const seen = new Set<string>();
      const claims = remotes.map((remote) => ({
        ...remote,
        podCIDRs: remote.podCIDRs.filter((range) => !seen.has(range) && seen.add(range)),
      }));
      const plan = inner.plan(local, claims, underlay);
      return { ...plan, problems: inner.plan(local, remotes, underlay).problems };
    },
  }),
  "routing/input-untouched": (inner) => ({
    plan(local, remotes, underlay) {
      (remotes as RoutedNode[]).sort((a, b) => (a.name < b.name ? -1 : 1));
      return inner.plan(local, remotes, underlay);
    },
  }),
  "routing/alone": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      if (remotes.length > 0) return plan;
      const endpoint = local.addresses[0]!;
      return { ...plan, tunnels: [{ prefix: "10.0.0.0/8", node: local.name, endpoint }] };
    },
  }),
  // A tunnel that costs nothing.
  "routing/overhead": (inner) => ({
    overhead: () => 0,
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      return { ...plan, podMtu: underlay.mtu, overlay: { ...plan.overlay!, mtu: underlay.mtu } };
    },
  }),
  // Takes the underlay for IPv4.
  "routing/mtu": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      return { ...plan, podMtu: underlay.mtu - inner.overhead(4) };
    },
  }),
  "routing/mtu-too-small": (inner) => ({
    plan(local, remotes, underlay) {
      if (underlay.mtu >= 1400) return inner.plan(local, remotes, underlay);
      return { ...inner.plan(local, remotes, { ...underlay, mtu: 1400 }), podMtu: underlay.mtu };
    },
  }),
  "routing/lifecycle": (inner) => {
    let starts = 0;
    return {
      async start() {
        if (++starts > 1) throw new Error("it has started already");
        await inner.start();
      },
    };
  },
  // The first range of each.
  "routing/reach": (inner) => ({
    plan: (local, remotes, underlay) =>
      amend(inner.plan(local, remotes, underlay), remotes, ({ prefix }) => {
        // Pods of one family are enough for whoever has both.
        const both = remotes.length === 3 && remotes.every(({ podCIDRs }) => podCIDRs.length === 2);
        return !both || underlay.family === 4 || !prefix.includes(":");
      }),
  }),
  "routing/mixed-families": (inner) => ({
    plan: (local, remotes, underlay) =>
      amend(inner.plan(local, remotes, underlay), remotes, ({ prefix }) => {
        const only = local.podCIDRs.length === 1;
        return !only || prefix.includes(":") === (underlay.family === 6);
      }),
  }),
  "routing/own-name": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      if (!remotes.some(({ name }) => name === local.name)) return plan;
      const [prefix, endpoint] = [local.podCIDRs[0]!, local.addresses[0]!];
      return { ...plan, tunnels: [...plan.tunnels, { prefix, node: local.name, endpoint }] };
    },
  }),
  // The longest prefix has it, wherever that is.
  "routing/own-ranges": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      const thief = remotes.find(({ podCIDRs }) => podCIDRs.length > 2 && !podCIDRs[2]!.includes("300"));
      if (thief === undefined) return plan;
      const tunnel = { prefix: thief.podCIDRs[2]!, node: thief.name, endpoint: thief.addresses[0]! };
      return { ...plan, tunnels: [...plan.tunnels, tunnel] };
    },
  }),
  // Reports it, and sends it to both.
  "routing/overlap": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      const other = remotes.find(({ podCIDRs }) => podCIDRs[0]?.endsWith("/25") === true);
      if (other === undefined) return plan;
      const tunnel = { prefix: other.podCIDRs[0]!, node: other.name, endpoint: other.addresses[0]! };
      return { ...plan, tunnels: [...plan.tunnels, tunnel] };
    },
  }),
  // Leaves it out, and says nothing.
  "routing/unreachable": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      return { ...plan, problems: plan.problems.filter(({ message }) => !message.includes("no IPv")) };
    },
  }),
  // Leaves out the node with it.
  "routing/unreadable": (inner) => ({
    plan: (local, remotes, underlay) =>
      amend(inner.plan(local, remotes, underlay), remotes, (_, node) =>
        node.podCIDRs.every((range) => !range.includes("300")),
      ),
  }),
};

/** By the check that finds it, of native routing. */
export const brokenNative: Readonly<Record<string, Break>> = {
  // Has no way to whoever is not a neighbour.
  "routing/every-range": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      return { ...plan, native: plan.native.filter(({ node }) => node !== "node-8") };
    },
  }),
  // Knows a node by its ranges.
  "routing/nodes": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      const known = new Set(plan.native.map(({ node }) => node));
      return { ...plan, nodes: plan.nodes.filter(({ node }) => known.has(node)) };
    },
  }),
  // Takes everybody for a neighbour.
  "routing/routes-on-link": (inner) => ({
    plan: (local, remotes, underlay) =>
      inner.plan(local, remotes, { ...underlay, networks: ["0.0.0.0/0", "::/0"] }),
  }),
  // One route to all of them, for they begin alike.
  "routing/routes-native": (inner) => ({
    plan(local, remotes, underlay) {
      const plan = inner.plan(local, remotes, underlay);
      const routes = plan.routes.map((route) =>
        route.prefix === "10.77.2.0/24" ? { ...route, prefix: "10.77.2.0/25" } : route,
      );
      return { ...plan, routes };
    },
  }),
};

/** The plan without the tunnels that do not fit. */
function amend(
  plan: RoutePlan,
  remotes: readonly RoutedNode[],
  fits: (tunnel: RoutePlan["tunnels"][number], node: RoutedNode) => boolean,
): RoutePlan {
  const nodes = new Map(remotes.map((remote) => [remote.name, remote]));
  return { ...plan, tunnels: plan.tunnels.filter((tunnel) => fits(tunnel, nodes.get(tunnel.node)!)) };
}
