import { describe, expect, it, onTestFinished } from "vitest";
import { unprivileged } from "../../netlink/test/support/kernel.ts";
import { openUdp, type OpenUdpOptions, type UdpSocket } from "../src/index.ts";
import { type Host, ip, twoHosts } from "./support/hosts.ts";

function open(host: Host, options: Partial<OpenUdpOptions>): UdpSocket & { readonly heard: string[] } {
  const heard: string[] = [];
  const socket = openUdp({ address: "::", port: 0, netns: host.netns, ...options });
  onTestFinished(() => socket.close());
  socket.onMessage = (bytes, address) => heard.push(`${bytes.toString()} from ${address}`);
  return Object.assign(socket, { heard });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe.skipIf(unprivileged).each([
  ["IPv4", (host: Host) => host.ipv4],
  ["IPv6", (host: Host) => host.ipv6],
  ["IPv6 link-local", (host: Host) => `${host.linkLocal}%eth0`],
] as const)("UDP between namespaces over %s", (_name, of) => {
  it("carries datagrams of the right time to live, and no others", async () => {
    const [here, there] = twoHosts();
    const receiver = open(there, { address: of(there), port: 3784, ttl: 255, requireTtl: 255 });
    const near = open(here, { address: of(here), port: 49_152, ttl: 255, requireTtl: 255 });
    const far = open(here, { address: of(here), ttl: 254 });
    far.send(Buffer.from("far"), of(there), 3784);
    near.send(Buffer.from("near"), of(there), 3784);
    await until(() => receiver.heard.length > 0);
    expect(receiver.heard).toEqual([`near from ${of(here)}`]);
    receiver.send(Buffer.from("answer"), of(here), 49_152);
    await until(() => near.heard.length > 0);
    expect(near.heard).toEqual([`answer from ${of(there)}`]);
  });

  it("hears nothing of another device", async () => {
    const [here, there] = twoHosts();
    const any = of(there).includes(".") ? "0.0.0.0" : "::";
    const onLoopback = open(there, { address: any, port: 3784, interface: "lo" });
    const onCable = open(there, { address: any, port: 3784, interface: "eth0" });
    const sender = open(here, { address: of(here), interface: "eth0" });
    sender.send(Buffer.from("x"), of(there), 3784);
    await until(() => onCable.heard.length > 0);
    onLoopback.receive();
    expect(onLoopback.heard).toEqual([]);
  });
});

describe.skipIf(unprivileged)("openUdp between namespaces", () => {
  it("says when there is no way, and goes on when there is one again", async () => {
    const [here, there] = twoHosts();
    const receiver = open(there, { address: "0.0.0.0", port: 3784 });
    const sender = open(here, { address: here.ipv4 });
    ip(here, "route", "del", "10.9.0.0/24");
    expect(() => sender.send(Buffer.from("lost"), there.ipv4, 3784)).toThrow(/ENETUNREACH/);
    ip(here, "route", "add", "10.9.0.0/24", "dev", "eth0");
    sender.send(Buffer.from("found"), there.ipv4, 3784);
    await until(() => receiver.heard.length > 0);
    expect(receiver.heard).toEqual([`found from ${here.ipv4}`]);
  });
});
