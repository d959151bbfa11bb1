import { describe, expect, it } from "vitest";
import type { RtnlEvent } from "../src/index.ts";
import { Subscription } from "../src/subscription.ts";
import { OVERRUN } from "../src/sys/netlink-socket.ts";
import { message } from "./support/messages.ts";
import { ScriptedSocket } from "./support/scripted-socket.ts";
import { fromKernel } from "./wire/kernel.ts";

const CHANGED = { link: 16, address: 20, route: 24, neighbour: 28, rule: 32 } as const;

const event = (type: number, name: keyof typeof fromKernel): Buffer =>
  message(Buffer.from(fromKernel[name], "hex"), { type });

async function types(subscription: Subscription, count: number): Promise<(RtnlEvent["type"] | undefined)[]> {
  const found: (RtnlEvent["type"] | undefined)[] = [];
  while (found.length < count) found.push((await subscription.next()).value?.type);
  return found;
}

describe("a subscription", () => {
  it("tells what came and went, by kind", async () => {
    const socket = new ScriptedSocket();
    using subscription = new Subscription(socket);
    socket.push(
      Buffer.concat([event(CHANGED.link, "veth"), event(CHANGED.link + 1, "veth")]),
      event(CHANGED.address, "address4"),
      event(CHANGED.route + 1, "route4"),
      event(CHANGED.rule, "rule"),
      event(CHANGED.neighbour, "neighbour"),
      event(CHANGED.neighbour + 1, "fdbVxlan"),
    );
    expect(await types(subscription, 7)).toEqual([
      "link:changed",
      "link:deleted",
      "address:changed",
      "route:deleted",
      "rule:changed",
      "neighbour:changed",
      "fdb:deleted",
    ]);
  });

  it("waits for the first event and then for the next", async () => {
    const socket = new ScriptedSocket();
    using subscription = new Subscription(socket);
    const first = subscription.next();
    const second = subscription.next();
    await Promise.resolve();
    socket.push(event(CHANGED.link, "veth"));
    expect((await first).value).toMatchObject({ link: { name: "veth0" } });
    socket.push(event(CHANGED.link, "vxlan"));
    expect((await second).value).toMatchObject({ link: { name: "vx0" } });
  });

  it("reads nothing while nobody asks, so that a slow reader costs the kernel's memory and not ours", async () => {
    const socket = new ScriptedSocket();
    using subscription = new Subscription(socket);
    socket.push(event(CHANGED.link, "veth"), event(CHANGED.link, "vxlan"));
    await subscription.next();
    expect(socket.unread).toBe(1);
    expect(socket.awaited).toBe(false);
  });

  it("marks where events were lost, and drops what waited behind the gap", async () => {
    const socket = new ScriptedSocket();
    using subscription = new Subscription(socket);
    socket.push(
      event(CHANGED.link, "veth"),
      OVERRUN,
      event(CHANGED.link + 1, "veth"),
      OVERRUN,
      event(CHANGED.link, "veth"),
    );
    expect(await types(subscription, 2)).toEqual(["link:changed", "resync"]);
    socket.push(event(CHANGED.address, "address4"));
    expect(await types(subscription, 1)).toEqual(["address:changed"]);
  });

  it("is over when its signal fires, also for who waits", async () => {
    const socket = new ScriptedSocket();
    const abort = new AbortController();
    const subscription = new Subscription(socket, abort.signal);
    const waiting = subscription.next();
    await Promise.resolve();
    abort.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
    expect(socket.closed).toBe(true);
  });

  it("is over at once when the signal had fired before", async () => {
    const socket = new ScriptedSocket();
    const subscription = new Subscription(socket, AbortSignal.abort());
    expect((await subscription.next()).done).toBe(true);
    expect(socket.closed).toBe(true);
  });

  it("closes its socket when a loop is left", async () => {
    const socket = new ScriptedSocket();
    socket.push(event(CHANGED.link, "veth"), event(CHANGED.link, "veth"));
    for await (const { type } of new Subscription(socket)) {
      expect(type).toBe("link:changed");
      break;
    }
    expect(socket.closed).toBe(true);
  });

  it("passes over what it has no words for", async () => {
    const socket = new ScriptedSocket();
    using subscription = new Subscription(socket);
    const port = Buffer.from(fromKernel.vxlan, "hex");
    port[0] = 7;
    socket.push(
      message(port, { type: CHANGED.link + 1 }),
      message(Buffer.alloc(16), { type: 99 }),
      event(CHANGED.rule, "rule"),
    );
    expect(await types(subscription, 1)).toEqual(["rule:changed"]);
  });
});
