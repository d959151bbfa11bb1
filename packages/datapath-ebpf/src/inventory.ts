import type { Drift, EndpointHook } from "@netloom/core";
import { Netns, Rtnl } from "@netloom/netlink";
import { forwards, HOST_DEVICE } from "./host-device.ts";
import { interfaceInventory } from "./interfaces.ts";
import type { NodeNetwork } from "./node.ts";
import { OVERLAY_DEVICE } from "./overlay.ts";
import { openLink, type Pins } from "./pins.ts";
import { podInterfaces } from "./pods.ts";
import { ROUTE_PROTOCOL } from "./routes.ts";

/** What the datapath has in the kernel, maps apart: each thing by its name, and how it is. */
export type Inventory = ReadonlyMap<string, string>;

/** A name is two words at least: what kind of thing, and which. */
export function takeInventory(
  { rtnl, netns }: NodeNetwork,
  pins: Pins,
  hooks: readonly EndpointHook[],
): Inventory {
  const found = new Map<string, string>();
  for (const { path, hook, place } of pins.links()) {
    using link = openLink(path);
    found.set(`program ${place} ${hook}`, `at device ${link?.info().ifindex ?? 0}`);
  }
  for (const name of [OVERLAY_DEVICE, HOST_DEVICE]) {
    const device = rtnl.links.find(name);
    if (device === undefined) continue;
    const more = name === HOST_DEVICE ? ` forwards ${forwards(netns)}` : "";
    found.set(`device ${name}`, `up ${device.up} mtu ${device.mtu}${more}`);
    for (const { address } of rtnl.addresses.list({ device: name }))
      found.set(`address ${address} ${name}`, "");
  }
  for (const route of rtnl.routes.list({ family: 4, protocol: ROUTE_PROTOCOL })) {
    const { to, device, encap, via, source, mtu } = route;
    found.set(`route ${to}`, [device, encap?.to ?? via, source, mtu].join(" "));
  }
  for (const [name, state] of interfaceInventory(rtnl)) found.set(name, state);
  for (const { name, interface: device } of podInterfaces(rtnl)) {
    const link = rtnl.links.find(device);
    found.set(`interface ${name}`, `up ${link?.up} mtu ${link?.mtu}`);
    for (const { address, mac } of rtnl.neighbours.list({ device }))
      found.set(`neighbour ${address}`, mac ?? "");
  }
  for (const hook of hooks) lookInside(hook, found);
  return found;
}

/** The pod's side, as far as it is ours. */
function lookInside({ name, netns, interface: device }: EndpointHook, found: Map<string, string>): void {
  using inside = openPod(netns);
  if (inside?.links.find(device) === undefined) return;
  for (const { address } of inside.addresses.list({ device })) found.set(`address ${address} of ${name}`, "");
  for (const { to, via } of inside.routes.list({ family: 4, device }))
    found.set(`route ${to} of ${name}`, via ?? "");
}

/** `undefined` where the pod's namespace is gone: to say so is for who attaches. */
function openPod(path: string): Rtnl | undefined {
  try {
    using netns = Netns.open(path);
    return Rtnl.open({ netns });
  } catch {
    return undefined;
  }
}

/** What had to be changed to come from one inventory to the other. */
export function driftsBetween(before: Inventory, after: Inventory): readonly Drift[] {
  const drifts: Drift[] = [];
  const note = (name: string, problem: Drift["problem"]): void => {
    const space = name.indexOf(" ");
    drifts.push({ what: name.slice(0, space), which: name.slice(space + 1), problem });
  };
  for (const [name, state] of after) {
    if (before.get(name) !== state) note(name, before.has(name) ? "changed" : "missing");
  }
  for (const name of before.keys()) if (!after.has(name)) note(name, "foreign");
  return drifts;
}
