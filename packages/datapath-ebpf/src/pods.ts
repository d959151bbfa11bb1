import { createHash } from "node:crypto";
import { parseMac, type Attachment, type EndpointHook } from "@netloom/core";
import { ofFamily } from "@netloom/core/backend";
import { isNetlinkError, Netns, Rtnl, type Link } from "@netloom/netlink";
import { kernel, kernelAsync, refused } from "./errors.ts";
import { disableIpv6 } from "./host-device.ts";
import type { NodeNetwork } from "./node.ts";
import { ROUTE_PROTOCOL } from "./routes.ts";

/** What stands before an endpoint's name in the alias of its interface: how interfaces are found again. */
const ALIAS = "netloom ";

/** The node side of a pod's veth pair: at most 15 bytes, the same for the same endpoint. */
function deviceName(endpoint: string): string {
  return `nl${digest(endpoint).toString("hex").slice(0, 12)}`;
}

/** Locally administered, the same for the same endpoint, so that it is known without looking into the pod. */
function macOf(endpoint: string, side: "pod" | "node"): string {
  const bytes = digest(`${side} ${endpoint}`).subarray(0, 6);
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return bytes.toString("hex").replaceAll(/..(?!$)/g, "$&:");
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function attachmentOf(endpoint: string, link: Link): Attachment {
  return {
    name: endpoint,
    ifindex: link.index,
    interface: link.name,
    mac: parseMac(macOf(endpoint, "pod")),
    gatewayMac: parseMac(macOf(endpoint, "node")),
  };
}

/** The pods' interfaces that are there, whoever made them. */
export function podInterfaces(rtnl: Rtnl): readonly Attachment[] {
  const links = rtnl.links.list({ kind: "veth" });
  return links.flatMap((link) =>
    link.alias?.startsWith(ALIAS) === true ? [attachmentOf(link.alias.slice(ALIAS.length), link)] : [],
  );
}

/**
 * Makes a pod's interface, addresses and routes, or completes what is there. A failure leaves nothing of it.
 *
 * The pod knows one neighbour, its gateway, and gets the answer to its ARP from the datapath. The node reaches the pod
 * by a route and a neighbour of its own.
 */
export function createPodInterface(network: NodeNetwork, hook: EndpointHook): Attachment {
  const { rtnl } = network;
  const name = deviceName(hook.name);
  const what = `attach endpoint ${hook.name}`;
  if (hook.netns === "") {
    throw refused("ERR_ENDPOINT_INVALID", `endpoint ${hook.name} has no network namespace`, {
      input: hook.netns,
      remedy: "give `netns`: a name under /run/netns, or a path such as /proc/<pid>/ns/net",
    });
  }
  return kernel(what, () => {
    using netns = Netns.open(hook.netns);
    using inside = Rtnl.open({ netns });
    const found = rtnl.links.find(name);
    try {
      if (found === undefined || inside.links.find(hook.interface) === undefined) {
        if (found !== undefined) rtnl.links.delete(found.index);
        rtnl.links.create({
          kind: "veth",
          name,
          mtu: hook.mtu,
          mac: macOf(hook.name, "node"),
          alias: `${ALIAS}${hook.name}`,
          peer: { name: hook.interface, netns, mtu: hook.mtu, mac: macOf(hook.name, "pod") },
        });
      }
      configurePod(netns, inside, hook);
      configureNode(network, name, hook);
      return attachmentOf(hook.name, rtnl.links.get(name));
    } catch (error) {
      if (found === undefined && rtnl.links.find(name) !== undefined) rtnl.links.delete(name);
      throw error;
    }
  });
}

function configurePod(netns: Netns, inside: Rtnl, hook: EndpointHook): void {
  const { interface: device, mtu, addresses, gateways } = hook;
  // Without an IPv6 address it has nothing to say in IPv6; otherwise the kernel would at once.
  if (ofFamily(addresses, 6) === undefined) disableIpv6(netns, device);
  inside.links.set("lo", { up: true });
  inside.links.set(device, { up: true, mtu });
  for (const address of addresses) {
    const six = address.includes(":");
    inside.addresses.replace({
      device,
      address: `${address}/${six ? 128 : 32}`,
      ...(six ? { noDad: true } : {}),
    });
    const gateway = ofFamily(gateways, six ? 6 : 4);
    if (gateway === undefined) continue;
    inside.routes.replace({ to: `${gateway}/${six ? 128 : 32}`, device });
    inside.routes.replace({ to: six ? "::/0" : "0.0.0.0/0", device, via: gateway, source: address });
  }
}

function configureNode({ rtnl, netns }: NodeNetwork, name: string, hook: EndpointHook): void {
  // The node side has no address of its own; in IPv6 the kernel would give it one and announce it to the pod.
  disableIpv6(netns, name);
  rtnl.links.set(name, { up: true, mtu: hook.mtu });
  for (const address of hook.addresses) {
    const six = address.includes(":");
    const source = ofFamily(hook.gateways, six ? 6 : 4);
    const usable =
      source !== undefined && rtnl.addresses.list().some(({ address: at }) => at.startsWith(`${source}/`));
    rtnl.neighbours.replace({ device: name, address, mac: macOf(hook.name, "pod") });
    rtnl.routes.replace({
      to: `${address}/${six ? 128 : 32}`,
      device: name,
      protocol: ROUTE_PROTOCOL,
      ...(usable ? { source } : {}),
    });
  }
}

/** Removes a pod's interface; one that is gone already is no error. The kernel takes its time, other work goes on. */
export async function removePodInterface({ rtnl }: NodeNetwork, endpoint: string): Promise<void> {
  await kernelAsync(`detach endpoint ${endpoint}`, async () => {
    try {
      await rtnl.links.deleteAsync(deviceName(endpoint));
    } catch (error) {
      if (!isNetlinkError(error, "ERR_NOT_FOUND")) throw error;
    }
  });
}
