import { readdirSync } from "node:fs";
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import {
  applyOptions,
  connectTcp,
  type ConnectTcpOptions,
  endpointsOf,
  isSocketError,
  listenTcp,
  type SocketAddress,
  type TcpListener,
} from "../src/index.ts";

/** A listener on the loopback that keeps what calls. */
function listen(address = "127.0.0.1", port = 0): TcpListener & { readonly calls: Call[] } {
  const calls: Call[] = [];
  const listener = listenTcp({
    address,
    port,
    onConnection: (socket) => {
      socket.on("error", () => undefined);
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

interface Call {
  readonly socket: Socket;
  readonly remote: SocketAddress;
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

// The way through node:net, and the one through a socket of our own.
const ways: readonly (readonly [string, Partial<ConnectTcpOptions>])[] = [
  ["plain", {}],
  ["special", { ttl: 17 }],
];

describe.each(ways)("connectTcp, %s", (_way, extra) => {
  it.each(["127.0.0.1", "::1"])("carries bytes both ways over %s", async (address) => {
    const listener = listen(address);
    const socket = await connectTcp({ address, port: listener.port, ...extra });
    await until(() => listener.calls.length === 1);
    const [call] = listener.calls;
    call?.socket.on("data", (bytes: Buffer) => call.socket.end(Buffer.concat([bytes, bytes])));
    socket.write("ab");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toBe("abab");
    expect(call?.remote).toEqual({ address, port: socket.localPort });
    expect(socket.remotePort).toBe(listener.port);
    socket.destroy();
  });

  it("comes from the local address and port that were asked for", async () => {
    const listener = listen();
    const free = listen("127.0.0.9");
    const { port } = free;
    free.close();
    const socket = await connectTcp({
      ...{ address: "127.0.0.1", port: listener.port, ...extra },
      ...{ localAddress: "127.0.0.9", localPort: port },
    });
    await until(() => listener.calls.length === 1);
    expect(listener.calls[0]?.remote).toEqual({ address: "127.0.0.9", port });
    socket.destroy();
  });

  it("is refused where nobody listens, and leaves no descriptor", async () => {
    const listener = listen();
    listener.close();
    const attempt = (): Promise<Socket> =>
      connectTcp({ address: "127.0.0.1", port: listener.port, ...extra });
    await expect(attempt()).rejects.toThrow(/ECONNREFUSED/);
    const before = descriptors();
    for (let count = 0; count < 20; count += 1)
      await expect(attempt()).rejects.toMatchObject({
        ...{ name: "SocketError", code: "ERR_REFUSED", errnoName: "ECONNREFUSED" },
        op: `connect to 127.0.0.1 port ${listener.port}`,
      });
    expect(descriptors()).toBe(before);
  });

  it("says that a local address is not there", async () => {
    const attempt = connectTcp({ address: "127.0.0.1", port: 1, localAddress: "203.0.113.1", ...extra });
    await expect(attempt).rejects.toMatchObject({ code: "ERR_NOT_FOUND", errnoName: "EADDRNOTAVAIL" });
  });

  it("gives up before it begins", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(connectTcp({ address: "127.0.0.1", port: 1, signal, ...extra })).rejects.toBe(reason);
  });

  it.each([
    ["an address", { address: "example.org" }],
    ["a port", { port: 70_000 }],
    ["a local address", { localAddress: "10.0.0" }],
    ["a local port", { localPort: -1 }],
  ])("refuses %s that cannot be right", async (_what, wrong) => {
    const attempt = connectTcp({ address: "127.0.0.1", port: 1, ...extra, ...wrong });
    await expect(attempt).rejects.toMatchObject({ code: "ERR_INVALID", errno: undefined });
  });
});

describe("connectTcp", () => {
  it.each([
    [{ interface: "no-such-device" }, "ERR_NOT_FOUND"],
    [{ netns: "/run/netns/no-such-namespace" }, "ERR_NOT_FOUND"],
    [{ ttl: 0 }, "ERR_INVALID"],
    [{ ttl: 256 }, "ERR_INVALID"],
    [{ minimumTtl: 256 }, "ERR_INVALID"],
    [{ md5: "" }, "ERR_INVALID"],
    [{ md5: "x".repeat(81) }, "ERR_INVALID"],
    [{ interface: "x".repeat(16) }, "ERR_INVALID"],
  ] as const)("refuses %o with %s and leaves no descriptor", async (extra, code) => {
    const before = descriptors();
    await expect(connectTcp({ address: "127.0.0.1", port: 1, ...extra })).rejects.toMatchObject({ code });
    expect(descriptors()).toBe(before);
  });

  it("settles when the loop has nothing else to do", async () => {
    // koffi's poll calls back outside of Node's callback scopes: without care a promise would wait there.
    const listener = listen();
    for (let count = 0; count < 200; count += 1) {
      const socket = await connectTcp({ address: "127.0.0.1", port: listener.port, ttl: 9 });
      socket.destroy();
    }
    await until(() => listener.calls.length === 200);
    expect(listener.calls).toHaveLength(200);
  });
});

describe("listenTcp", () => {
  it("listens on both families on one port", async () => {
    const ipv6 = listen("::");
    const ipv4 = listen("0.0.0.0", ipv6.port);
    const calls = [
      await connectTcp({ address: "127.0.0.1", port: ipv6.port }),
      await connectTcp({ address: "::1", port: ipv6.port }),
    ];
    await until(() => ipv4.calls.length === 1 && ipv6.calls.length === 1);
    expect(ipv4.calls[0]?.remote.address).toBe("127.0.0.1");
    expect(ipv6.calls[0]?.remote.address).toBe("::1");
    for (const socket of calls) socket.destroy();
  });

  it("says that a port is taken, and leaves no descriptor", () => {
    const listener = listen();
    const before = descriptors();
    expect(() => listen("127.0.0.1", listener.port)).toThrow(/EADDRINUSE/);
    expect(descriptors()).toBe(before);
  });

  it("refuses callers after it is closed, and keeps those it has", async () => {
    const listener = listen();
    const socket = await connectTcp({ address: "127.0.0.1", port: listener.port });
    await until(() => listener.calls.length === 1);
    listener.close();
    listener.close();
    await expect(connectTcp({ address: "127.0.0.1", port: listener.port })).rejects.toThrow(/ECONNREFUSED/);
    expect(() => listener.setMd5("127.0.0.1", "x")).toThrow(/closed/);
    listener.calls[0]?.socket.write("still here");
    const [bytes] = (await once(socket, "data")) as [Buffer];
    expect(bytes.toString()).toBe("still here");
    socket.destroy();
  });

  it("takes in a burst of callers, each once", async () => {
    const listener = listen();
    const sockets = await Promise.all(
      Array.from({ length: 300 }, () => connectTcp({ address: "127.0.0.1", port: listener.port })),
    );
    await until(() => listener.calls.length === 300);
    const ports = sockets.map(({ localPort }) => localPort ?? 0).sort((a, b) => a - b);
    expect(listener.calls.map(({ remote }) => remote.port).sort((a, b) => a - b)).toEqual(ports);
    for (const socket of sockets) socket.destroy();
  });

  it("refuses a key for an address of the other family", () => {
    expect(() => listen().setMd5("fd00::1", "x")).toThrow(/IPv4/);
  });
});

describe("applyOptions", () => {
  let sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    sockets = [];
  });

  it("is for connections that are there", async () => {
    const listener = listen();
    const socket = await connectTcp({ address: "127.0.0.1", port: listener.port });
    sockets.push(socket);
    applyOptions(socket, { ttl: 255, minimumTtl: 1, userTimeout: 1000 });
    applyOptions(socket, { ttl: "default" });
    expect(() => applyOptions(socket, { ttl: 300 })).toThrow(/300 is not/);
    socket.destroy();
    let error: unknown;
    try {
      applyOptions(socket, { ttl: 255 });
    } catch (thrown) {
      error = thrown;
    }
    expect(isSocketError(error, "ERR_CLOSED")).toBe(true);
  });
});
