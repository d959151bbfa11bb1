import { describe, expect, it, onTestFinished } from "vitest";
import type { BgpError } from "../../../src/errors.ts";
import type { Connection, ConnectOptions, Listener, Transport } from "../../../src/transport/transport.ts";

/** Two hosts that can reach each other. */
export interface Hosts {
  readonly here: Transport;
  readonly there: Transport;
  /** Addresses of them. */
  readonly from: string;
  readonly to: string;
}

/** What a connection has told. */
export interface Log {
  readonly connection: Connection;
  readonly received: () => Buffer;
  drained: number;
  readonly closes: (Error | undefined)[];
}

function logOf(connection: Connection): Log {
  const chunks: Buffer[] = [];
  const log: Log = { connection, received: () => Buffer.concat(chunks), drained: 0, closes: [] };
  connection.onData = (bytes) => chunks.push(Buffer.from(bytes));
  connection.onDrain = () => (log.drained += 1);
  connection.onClose = (error) => log.closes.push(error);
  onTestFinished(() => connection.destroy());
  return log;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

export async function open(
  { here, there, from, to }: Hosts,
  options: Partial<ConnectOptions> = {},
  expected: Parameters<Listener["expect"]>[0] = [],
): Promise<{ readonly near: Log; readonly far: Log; readonly listener: Listener }> {
  const accepted: Log[] = [];
  const listener = await there.listen({
    ...{ address: to, port: 0 },
    onConnection: (connection) => accepted.push(logOf(connection)),
    onError: (error) => {
      throw error;
    },
  });
  onTestFinished(() => listener.close());
  listener.expect(expected);
  const { signal } = new AbortController();
  const target = { address: to, port: listener.port, localAddress: from, signal };
  const near = logOf(await here.connect({ ...target, ...options }));
  await until(() => accepted.length > 0);
  return { near, far: accepted[0] as Log, listener };
}

/** What every transport does. */
export function transportContract(name: string, make: () => Hosts): void {
  describe(`${name} as a transport`, () => {
    it("carries bytes both ways, in order", async () => {
      const { near, far } = await open(make());
      near.connection.write(Buffer.from("one "));
      near.connection.write(Buffer.from("two "));
      near.connection.write(Buffer.from("three"));
      far.connection.write(Buffer.from("back"));
      await until(() => far.received().length === 13 && near.received().length === 4);
      expect(far.received().toString()).toBe("one two three");
      expect(near.received().toString()).toBe("back");
    });

    it("hands on plain bytes, of which a slice is a copy", async () => {
      const { near, far } = await open(make());
      const plain: boolean[] = [];
      far.connection.onData = (bytes) => plain.push(bytes.slice(1).buffer !== bytes.buffer);
      near.connection.write(Uint8Array.of(1, 2, 3));
      await until(() => plain.length > 0);
      expect(plain).toEqual([true]);
    });

    it("knows both ends by their addresses", async () => {
      const hosts = make();
      const { near, far, listener } = await open(hosts);
      expect(near.connection.remote).toEqual({ address: hosts.to, port: listener.port });
      expect(near.connection.local.address).toBe(hosts.from);
      expect(far.connection.local).toEqual(near.connection.remote);
      expect(far.connection.remote).toEqual(near.connection.local);
    });

    it("never calls back from within a call", async () => {
      const { near, far } = await open(make());
      let inside = false;
      let calls = 0;
      const outside = (): void => {
        expect(inside).toBe(false);
        calls += 1;
      };
      near.connection.onData = near.connection.onDrain = near.connection.onClose = outside;
      const within = (act: () => void): void => {
        inside = true;
        act();
        inside = false;
      };
      far.connection.write(Buffer.from("waits"));
      within(() => near.connection.pause());
      within(() => near.connection.write(Buffer.from("x")));
      await until(() => far.received().length === 1);
      within(() => near.connection.resume());
      await until(() => calls >= 2);
      within(() => near.connection.destroy());
      await until(() => calls >= 3);
    });

    it("reads nothing while it is paused, and nothing is lost", async () => {
      const { near, far } = await open(make());
      near.connection.pause();
      far.connection.write(Buffer.alloc(100_000, "a"));
      near.connection.write(Buffer.from("ping"));
      await until(() => far.received().length === 4);
      expect(near.received().length).toBe(0);
      near.connection.resume();
      await until(() => near.received().length === 100_000);
    });

    it("says how much a slow peer has not taken, and when it has", async () => {
      const { near, far } = await open(make());
      far.connection.pause();
      const bytes = Buffer.alloc(16 << 20, "b");
      near.connection.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(near.connection.bufferedBytes).toBeGreaterThan(1 << 20);
      expect(near.drained).toBe(0);
      far.connection.resume();
      await until(() => near.drained === 1);
      expect(near.connection.bufferedBytes).toBe(0);
      await until(() => far.received().length === bytes.length);
    });

    it("ends with all that was written: the last word arrives behind 16 MiB", async () => {
      const { near, far } = await open(make());
      far.connection.pause();
      // What we have not read must not cost the peer what we have sent.
      near.connection.pause();
      far.connection.write(Buffer.from("a keepalive"));
      near.connection.write(Buffer.alloc(16 << 20, "c"));
      near.connection.write(Buffer.from("NOTIFICATION"));
      near.connection.end(10_000);
      far.connection.resume();
      await until(() => far.closes.length === 1 && near.closes.length === 1);
      expect(
        far
          .received()
          .subarray(16 << 20)
          .toString(),
      ).toBe("NOTIFICATION");
      expect([near.closes, far.closes]).toEqual([[undefined], [undefined]]);
    });

    it("does not wait for a peer that never reads longer than the deadline", async () => {
      const { near, far } = await open(make());
      far.connection.pause();
      near.connection.write(Buffer.alloc(16 << 20, "d"));
      near.connection.end(50);
      await until(() => near.closes.length === 1);
      expect(near.closes).toEqual([undefined]);
    });

    it("hears nothing more once it has ended", async () => {
      const { near, far } = await open(make());
      near.connection.end(200);
      far.connection.write(Buffer.from("too late"));
      await until(() => near.closes.length === 1);
      expect(near.received().length).toBe(0);
    });

    it("closes at once without a word, and the peer sees it", async () => {
      const { near, far } = await open(make());
      near.connection.destroy();
      near.connection.destroy();
      near.connection.write(Buffer.from("nobody minds"));
      near.connection.end(10);
      await until(() => near.closes.length === 1 && far.closes.length === 1);
      expect(near.closes).toEqual([undefined]);
    });

    it("is refused where nobody listens", async () => {
      const hosts = make();
      const { listener } = await open(hosts);
      await listener.close();
      const { signal } = new AbortController();
      const attempt = hosts.here.connect({ address: hosts.to, port: listener.port, signal });
      await expect(attempt).rejects.toMatchObject({ code: "ERR_BGP_TRANSPORT" } satisfies Partial<BgpError>);
    });

    it("keeps accepted connections when it stops listening", async () => {
      const { near, far, listener } = await open(make());
      await listener.close();
      near.connection.write(Buffer.from("still"));
      await until(() => far.received().length === 5);
      expect(far.closes).toEqual([]);
    });

    it("says that a port is taken", async () => {
      const hosts = make();
      const { listener } = await open(hosts);
      const options = { address: hosts.to, port: listener.port };
      const callbacks = { onConnection: () => undefined, onError: () => undefined };
      await expect(hosts.there.listen({ ...options, ...callbacks })).rejects.toMatchObject({
        code: "ERR_BGP_TRANSPORT",
      });
    });

    it("gives up when it is aborted, before and while it connects", async () => {
      const hosts = make();
      const { listener } = await open(hosts);
      // A caller without the key hears nothing: the attempt hangs.
      listener.expect([{ remote: hosts.from, md5: "secret" }]);
      const target = { address: hosts.to, port: listener.port, localAddress: hosts.from };
      const reason = new Error("enough");
      const before = AbortSignal.abort(reason);
      await expect(hosts.here.connect({ ...target, signal: before })).rejects.toBe(reason);
      const controller = new AbortController();
      const attempt = hosts.here.connect({ ...target, signal: controller.signal });
      setTimeout(() => controller.abort(reason), 20);
      await expect(attempt).rejects.toBe(reason);
    });

    it("lets in who has the key, by the longest prefix", async () => {
      const hosts = make();
      const wide = hosts.from.includes(":") ? "::/0" : "0.0.0.0/0";
      const expected = [
        { remote: wide, md5: "everybody's" },
        { remote: hosts.from, md5: "its own" },
      ];
      const { near, far } = await open(hosts, { md5: "its own" }, expected);
      near.connection.write(Buffer.from("signed"));
      await until(() => far.received().length === 6);
      expect(far.received().toString()).toBe("signed");
    });

    it("lets in who is near enough, and forgets what it no longer expects", async () => {
      const hosts = make();
      const near = { ttl: 255, minimumTtl: 255 };
      const first = await open(hosts, near, [{ remote: hosts.from, ...near }]);
      first.listener.expect([]);
      const { signal } = new AbortController();
      const target = { address: hosts.to, port: first.listener.port, localAddress: hosts.from, signal };
      const second = logOf(await hosts.here.connect(target));
      second.connection.write(Buffer.from("far, and welcome"));
      expect(second.closes).toEqual([]);
    });
  });
}
