import { readdirSync } from "node:fs";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { openUdp, type OpenUdpOptions, type UdpSocket } from "../src/index.ts";

function open(options: Partial<OpenUdpOptions> = {}): UdpSocket & { readonly heard: string[] } {
  const heard: string[] = [];
  const socket = openUdp({ address: "127.0.0.1", port: 0, ...options });
  onTestFinished(() => socket.close());
  socket.onMessage = (bytes, address, port) => heard.push(`${bytes.toString()} from ${address} ${port}`);
  return Object.assign(socket, { heard });
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe.each(["127.0.0.1", "::1"])("openUdp on %s", (address) => {
  it("sends and receives, empty datagrams too", async () => {
    const [here, there] = [open({ address }), open({ address })];
    here.send(Buffer.from("one"), address, there.port);
    here.send(Buffer.alloc(0), address, there.port);
    await until(() => there.heard.length === 2);
    expect(there.heard).toEqual([`one from ${address} ${here.port}`, ` from ${address} ${here.port}`]);
  });

  it("drops what arrives with another time to live, one off too", async () => {
    const guarded = open({ address, requireTtl: 255 });
    for (const ttl of [undefined, 1, 254, 255]) {
      const sender = open({ address, ttl });
      sender.send(Buffer.from(`ttl ${ttl}`), address, guarded.port);
    }
    // The loopback keeps the order: the last one is the only one that may come.
    await until(() => guarded.heard.length > 0);
    guarded.receive();
    expect(guarded.heard.map((line) => line.split(" from")[0])).toEqual(["ttl 255"]);
  });

  it("exchanges datagrams with node:dgram", async () => {
    const socket = open({ address });
    const node = createSocket(address === "::1" ? "udp6" : "udp4").bind(0, address);
    onTestFinished(() => void node.close());
    await once(node, "listening");
    node.send("hello", socket.port, address);
    await until(() => socket.heard.length === 1);
    expect(socket.heard[0]).toBe(`hello from ${address} ${node.address().port}`);
    const message = once(node, "message");
    socket.send(Buffer.from("back"), address, node.address().port);
    expect(String((await message)[0])).toBe("back");
  });
});

describe("openUdp", () => {
  it("reads what waits at once where it is asked to", () => {
    const [here, there] = [open(), open()];
    here.send(Buffer.from("now"), "127.0.0.1", there.port);
    there.receive();
    expect(there.heard).toEqual([`now from 127.0.0.1 ${here.port}`]);
  });

  it("keeps datagrams until somebody listens", () => {
    const here = open();
    const there = openUdp({ address: "127.0.0.1", port: 0 });
    onTestFinished(() => there.close());
    here.send(Buffer.from("early"), "127.0.0.1", there.port);
    there.receive();
    const heard: string[] = [];
    there.onMessage = (bytes) => heard.push(bytes.toString());
    there.receive();
    expect(heard).toEqual(["early"]);
  });

  it("takes in a flood without a loss it could help", async () => {
    const [here, there] = [open(), open()];
    let sent = 0;
    // Less at a time than the kernel's queue of a socket holds.
    for (let round = 0; round < 100; round += 1) {
      for (let count = 0; count < 50; count += 1, sent += 1)
        here.send(Buffer.from(`${sent}`), "127.0.0.1", there.port);
      await until(() => there.heard.length === sent);
    }
    expect(there.heard).toEqual(Array.from({ length: sent }, (_, at) => `${at} from 127.0.0.1 ${here.port}`));
  });

  it("says that a port is taken, unless both share it, and leaves no descriptor", () => {
    const first = open();
    const before = descriptors();
    expect(() => open({ port: first.port })).toThrow(/EADDRINUSE/);
    expect(descriptors()).toBe(before);
    const shared = open({ reusePort: true });
    expect(open({ reusePort: true, port: shared.port }).port).toBe(shared.port);
  });

  it("is of no use once it is closed", () => {
    const before = descriptors();
    const socket = openUdp({ address: "127.0.0.1", port: 0 });
    socket.close();
    socket.close();
    expect(() => socket.send(Buffer.from("x"), "127.0.0.1", 9)).toThrow(/closed/);
    expect(descriptors()).toBe(before);
  });
});
