import { once } from "node:events";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { unprivileged } from "../../netlink/test/support/kernel.ts";
import {
  applyOptions,
  connectTcp,
  type ConnectTcpOptions,
  endpointsOf,
  listenTcp,
  type ListenTcpOptions,
  type SocketAddress,
  type TcpListener,
} from "../src/index.ts";
import { type Host, ip, twoHosts } from "./support/hosts.ts";

interface Call {
  readonly socket: Socket;
  readonly remote: SocketAddress;
}

function listen(
  host: Host,
  address: string,
  options: Partial<ListenTcpOptions> = {},
): TcpListener & { readonly calls: Call[] } {
  const calls: Call[] = [];
  const listener = listenTcp({
    ...{ address, port: 179, netns: host.netns, ...options },
    onConnection: (socket) => {
      socket.on("error", () => undefined);
      socket.resume();
      calls.push({ socket, remote: endpointsOf(socket).remote });
    },
    onError: (error) => {
      throw error;
    },
  });
  onTestFinished(() => {
    listener.close();
    for (const { socket } of calls) socket.destroy();
  });
  return Object.assign(listener, { calls });
}

async function connect(options: ConnectTcpOptions): Promise<Socket> {
  const socket = await connectTcp(options);
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** What a connection attempt that gets no answer looks like to somebody who gives up. */
async function silence(options: ConnectTcpOptions): Promise<void> {
  const reason = new Error("gave up");
  const controller = new AbortController();
  // Longer than it takes until the first SYN is repeated: the attempt has had its chance.
  setTimeout(() => controller.abort(reason), 1_300);
  await expect(connectTcp({ ...options, signal: controller.signal })).rejects.toBe(reason);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const FAMILIES = [
  ["IPv4", (host: Host) => host.ipv4, "0.0.0.0"],
  ["IPv6", (host: Host) => host.ipv6, "::"],
  ["IPv6 link-local", (host: Host) => `${host.linkLocal}%eth0`, "::"],
] as const;

describe.skipIf(unprivileged).each(FAMILIES)("TCP between namespaces over %s", (_name, of, any) => {
  it("connects, each end knowing the other, and this thread stays where it is", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, any);
    const options = { address: of(there), port: 179, netns: here.netns, localAddress: of(here) };
    const socket = await connect(options);
    await until(() => listener.calls.length === 1);
    expect(listener.calls[0]?.remote).toEqual({ address: of(here), port: socket.localPort });
    socket.write("hello");
    const [bytes] = (await once(listener.calls[0]!.socket, "data")) as [Buffer];
    expect(bytes.toString()).toBe("hello");
    // The namespace is theirs alone: nobody listens here.
    await expect(connectTcp({ address: "127.0.0.1", port: 179 })).rejects.toThrow(/ECONNREFUSED/);
  });

  it("signs with TCP-MD5 where both have the key", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, any);
    listener.setMd5(of(here).replace(/%.*/, ""), "a shared secret");
    const options = { address: of(there), port: 179, netns: here.netns };
    const socket = await connect({ ...options, md5: "a shared secret" });
    await until(() => listener.calls.length === 1);
    socket.write("signed");
    const [bytes] = (await once(listener.calls[0]!.socket, "data")) as [Buffer];
    expect(bytes.toString()).toBe("signed");
  });

  it("gets no answer with a wrong key, a missing one, or one too many; abort leaves no descriptor", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, any);
    listener.setMd5(of(here).replace(/%.*/, ""), "a shared secret");
    const options = { address: of(there), port: 179, netns: here.netns };
    const before = descriptors();
    await Promise.all([
      silence({ ...options, md5: "another secret" }),
      silence({ ...options, ttl: 64 }),
      silence(options),
    ]);
    expect(descriptors()).toBe(before);
    listener.setMd5(of(here).replace(/%.*/, ""), undefined);
    listener.setMd5(of(here).replace(/%.*/, ""), undefined);
    await silence({ ...options, md5: "a shared secret" });
    expect(listener.calls).toEqual([]);
    await connect(options);
  });

  it("takes a key for a whole prefix", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, any);
    const prefix = any === "::" ? "::/0" : "10.9.0.0/24";
    listener.setMd5(prefix, "of them all");
    await connect({ address: of(there), port: 179, netns: here.netns, md5: "of them all" });
    await silence({ address: of(there), port: 179, netns: here.netns, md5: "of none" });
    listener.setMd5(prefix, undefined);
    await connect({ address: of(there), port: 179, netns: here.netns });
    await until(() => listener.calls.length >= 2);
    expect(listener.calls).toHaveLength(2);
  });

  it("drops what comes with too small a time to live: TTL security", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, any);
    listener.applyOptions({ ttl: 255, minimumTtl: 255 });
    const options = { address: of(there), port: 179, netns: here.netns };
    await connect({ ...options, ttl: 255, minimumTtl: 255 });
    await silence({ ...options, ttl: 254, minimumTtl: 255 });
    // The handshake's answers come with the listener's own.
    listener.applyOptions({ ttl: 254, minimumTtl: 0 });
    await silence({ ...options, ttl: 255, minimumTtl: 255 });
    await connect({ ...options, minimumTtl: 254 });
    await until(() => listener.calls.length >= 2);
    expect(listener.calls).toHaveLength(2);
  });

  it("changes the time to live of a connection that is there", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, any);
    const socket = await connect({ address: of(there), port: 179, netns: here.netns });
    await until(() => listener.calls.length === 1);
    const heard: string[] = [];
    const accepted = listener.calls[0]!.socket;
    accepted.on("data", (bytes: Buffer) => heard.push(bytes.toString()));
    applyOptions(accepted, { minimumTtl: 255 });
    socket.write("too far away");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(heard).toEqual([]);
    // What was not taken is sent again, and then it is near enough.
    applyOptions(socket, { ttl: 255 });
    await until(() => heard.length > 0);
    expect(heard).toEqual(["too far away"]);
  });

  it("keeps to its device", async () => {
    const [here, there] = twoHosts();
    listen(there, any, { interface: "lo" });
    const options = { address: of(there), port: 179, netns: here.netns };
    await expect(connectTcp({ ...options, interface: "eth0" })).rejects.toThrow(/ECONNREFUSED/);
    const onEth = listen(there, any, { interface: "eth0" });
    await connect({ ...options, interface: "eth0" });
    await until(() => onEth.calls.length === 1);
  });
});

describe.skipIf(unprivileged)("connectTcp between namespaces", () => {
  it("finds a link-local peer by the device alone", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, "::");
    await connect({ address: there.linkLocal, port: 179, netns: here.netns, interface: "eth0" });
    await until(() => listener.calls.length === 1);
    expect(listener.calls[0]?.remote.address).toBe(`${here.linkLocal}%eth0`);
  });

  it("says that there is no way", async () => {
    const [here] = twoHosts();
    const options = { address: "198.51.100.1", port: 179, netns: here.netns };
    await expect(connectTcp(options)).rejects.toMatchObject({
      ...{ code: "ERR_UNREACHABLE", errnoName: "ENETUNREACH" },
    });
  });

  it("says that nobody has the address", async () => {
    const [here] = twoHosts();
    const before = descriptors();
    await expect(connectTcp({ address: "10.9.0.77", port: 179, netns: here.netns })).rejects.toMatchObject({
      ...{ code: "ERR_UNREACHABLE", errnoName: "EHOSTUNREACH" },
    });
    expect(descriptors()).toBe(before);
  });

  it("waits without a thread of the pool, and without the loop", async () => {
    const [here, there] = twoHosts();
    ip(there, "link", "set", "eth0", "down");
    const controller = new AbortController();
    const { signal } = controller;
    // More than the pool has threads: whoever occupied one each would keep this file from being read.
    const attempts = Array.from({ length: 12 }, () =>
      connectTcp({ address: "10.9.0.2", port: 179, netns: here.netns, ttl: 64, signal }).catch(
        (error: unknown) => error,
      ),
    );
    const { readFile } = await import("node:fs/promises");
    await readFile("/proc/self/status");
    controller.abort(new Error("seen enough"));
    expect((await Promise.all(attempts)).map(String)).toEqual(Array(12).fill("Error: seen enough"));
  });

  it("ends a half-open connection once sent bytes stay unanswered too long", async () => {
    const [here, there] = twoHosts();
    listen(there, "0.0.0.0");
    const options = { address: there.ipv4, port: 179, netns: here.netns };
    const socket = await connect({ ...options, userTimeout: 500 });
    ip(there, "link", "set", "eth0", "down");
    socket.write("anybody there?");
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(["ETIMEDOUT", "EHOSTUNREACH"]).toContain(error.code);
  });

  it("sees that the peer is gone for good", async () => {
    const [here, there] = twoHosts();
    const listener = listen(there, "0.0.0.0");
    const socket = await connect({ address: there.ipv4, port: 179, netns: here.netns, ttl: 64 });
    await until(() => listener.calls.length === 1);
    listener.calls[0]!.socket.resetAndDestroy();
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
  });
});
