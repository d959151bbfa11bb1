import { describe, expect, it } from "vitest";
import { memoryNetwork, type MemoryNetworkOptions } from "../../src/transport/memory.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { VirtualClock } from "../session/support/virtual-clock.ts";
import { type Hosts, open, transportContract } from "./support/contract.ts";

const HERE = "10.0.0.1";
const THERE = "10.0.0.2";

function hosts(options: MemoryNetworkOptions = {}): Hosts & { network: ReturnType<typeof memoryNetwork> } {
  const network = memoryNetwork(options);
  const here = network.transport({ address: HERE });
  const there = network.transport({ address: THERE });
  return { network, here, there, from: HERE, to: THERE };
}

transportContract("memoryNetwork", hosts);

describe("memoryNetwork", () => {
  async function connected(clock: VirtualClock, options: MemoryNetworkOptions = {}) {
    const made = hosts({ clock, ...options });
    const events: string[] = [];
    const watch = (name: string, connection: Connection): void => {
      connection.onData = (bytes) =>
        events.push(`${clock.monotonic()} ${name} has ${Buffer.from(bytes).toString()}`);
      connection.onClose = () => events.push(`${clock.monotonic()} ${name} is closed`);
    };
    let far: Connection | undefined;
    await made.there.listen({
      ...{ address: "0.0.0.0", port: 179 },
      onConnection: (connection) => {
        far = connection;
        watch("far", connection);
      },
      onError: () => undefined,
    });
    const { signal } = new AbortController();
    const attempt = made.here.connect({ address: THERE, port: 179, signal });
    await clock.advance(1000);
    const near = await attempt;
    watch("near", near);
    return { ...made, near, far: far as Connection, events };
  }

  it("takes its time", async () => {
    const clock = new VirtualClock();
    const { near, far, events } = await connected(clock, { latency: 10 });
    near.write(Buffer.from("ping"));
    await clock.advance(5);
    far.write(Buffer.from("pong"));
    await clock.advance(100);
    near.destroy();
    await clock.advance(100);
    expect(events).toEqual([
      "1010 far has ping",
      "1015 near has pong",
      "1105 near is closed",
      "1115 far is closed",
    ]);
  });

  it("holds what a cut link cannot carry, and keeps its order when it heals", async () => {
    const clock = new VirtualClock();
    const { network, near, events } = await connected(clock, { latency: 10 });
    near.write(Buffer.from("1"));
    network.cut(HERE, THERE);
    await clock.advance(100);
    near.write(Buffer.from("2"));
    await clock.advance(5);
    network.heal(THERE, HERE);
    near.write(Buffer.from("3"));
    near.destroy();
    await clock.advance(100);
    expect(events.map((line) => line.replace(/^\d+ /, ""))).toEqual([
      "near is closed",
      "far has 1",
      "far has 2",
      "far has 3",
      "far is closed",
    ]);
  });

  it("connects over a cut link only when it has healed", async () => {
    const clock = new VirtualClock();
    const { network, here, events } = await connected(clock);
    network.cut(HERE, THERE);
    let there = false;
    const { signal } = new AbortController();
    void here.connect({ address: THERE, port: 179, signal }).then(() => (there = true));
    await clock.advance(10_000);
    expect(there).toBe(false);
    network.heal(HERE, THERE);
    await clock.advance(10);
    expect(there).toBe(true);
    expect(events).toEqual([]);
  });

  it("reads as slowly as it is told", async () => {
    const clock = new VirtualClock();
    const { network, near, far } = await connected(clock, { window: 1000 });
    let read = 0;
    far.onData = (bytes) => (read += bytes.length);
    network.throttle(THERE, 0);
    near.write(Buffer.alloc(5000));
    await clock.advance(1000);
    expect([read, near.bufferedBytes]).toEqual([0, 4000]);
    network.throttle(THERE, 1);
    await clock.advance(2500);
    expect(read).toBe(2000);
    network.throttle(THERE);
    await clock.advance(1000);
    expect([read, near.bufferedBytes]).toEqual([5000, 0]);
  });

  it("has no way to who is not there", async () => {
    const { here } = hosts();
    const { signal } = new AbortController();
    await expect(here.connect({ address: "10.0.0.3", port: 179, signal })).rejects.toThrow(/no route/);
    await expect(here.connect({ address: "fd00::1", port: 179, signal })).rejects.toThrow(/family/);
  });

  it("keeps families apart on one port", async () => {
    const network = memoryNetwork();
    const here = network.transport({ address: [HERE, "fd00::1"] });
    const there = network.transport({ address: [THERE, "fd00::2"] });
    const made = { here, there, from: "fd00::1", to: "fd00::2" };
    const { far } = await open(made);
    expect(far.connection.remote.address).toBe("fd00::1");
  });
});
