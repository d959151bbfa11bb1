import { describe, expect, it, onTestFinished } from "vitest";
import { unprivileged } from "../../../netlink/test/support/kernel.ts";
import { type Host, twoHosts } from "../../../sockets/test/support/hosts.ts";
import { tcp } from "../../src/transport/tcp.ts";
import type { Connection, ExpectedPeer, Listener } from "../../src/transport/transport.ts";
import { transportContract, until } from "./support/contract.ts";

describe.skipIf(unprivileged).each([
  ["IPv4", (host: Host) => host.ipv4, "0.0.0.0"],
  ["IPv6", (host: Host) => host.ipv6, "::"],
  ["IPv6 link-local", (host: Host) => `${host.linkLocal}%eth0`, "::"],
] as const)("tcp between namespaces over %s", (_name, of, any) => {
  transportContract("contract", () => {
    const [here, there] = twoHosts();
    return {
      ...{ here: tcp({ netns: here.netns }), there: tcp({ netns: there.netns }) },
      ...{ from: of(here), to: of(there) },
    };
  });

  async function listen(host: Host, expected: readonly ExpectedPeer[]): Promise<[Listener, Connection[]]> {
    const accepted: Connection[] = [];
    const listener = await tcp({ netns: host.netns }).listen({
      ...{ address: any, port: 179 },
      onConnection: (connection) => accepted.push(connection),
      onError: (error) => {
        throw error;
      },
    });
    onTestFinished(async () => {
      for (const connection of accepted) connection.destroy();
      await listener.close();
    });
    listener.expect(expected);
    return [listener, accepted];
  }

  /** Whether a connection comes about while the first SYN is repeated once. */
  async function reaches(from: Host, to: Host, options: object): Promise<boolean> {
    const signal = AbortSignal.timeout(1_300);
    const target = { address: of(to), port: 179, signal };
    try {
      (await tcp({ netns: from.netns }).connect({ ...target, ...options })).destroy();
      return true;
    } catch (error) {
      if (error !== signal.reason) throw error;
      return false;
    }
  }

  it("has a key for each peer and for each prefix, of both families", async () => {
    const [here, there] = twoHosts();
    const prefix = any === "::" ? "::/0" : "10.9.0.0/16";
    const [listener] = await listen(there, [
      { remote: "192.0.2.1", md5: "another's" },
      { remote: "2001:db8::1", md5: "another's" },
      { remote: prefix, md5: "dynamic" },
    ]);
    expect(await reaches(here, there, { md5: "dynamic" })).toBe(true);
    expect(await reaches(here, there, { md5: "another's" })).toBe(false);
    listener.expect([{ remote: of(here), md5: "its own" }]);
    expect(await reaches(here, there, { md5: "its own" })).toBe(true);
    expect(await reaches(here, there, { md5: "dynamic" })).toBe(false);
    listener.expect([]);
    expect(await reaches(here, there, {})).toBe(true);
  });

  it("asks of each peer its own time to live, after a handshake that suits all", async () => {
    const [here, there] = twoHosts();
    const [, accepted] = await listen(there, [
      { remote: any === "::" ? "2001:db8::1" : "192.0.2.1" },
      { remote: of(here), ttl: 255, minimumTtl: 255 },
    ]);
    // The handshake is for all; what comes then is for one.
    const { signal } = new AbortController();
    const target = { address: of(there), port: 179, signal };
    const transport = tcp({ netns: here.netns });
    const near = await transport.connect({ ...target, ttl: 255, minimumTtl: 255 });
    const far = await transport.connect({ ...target, ttl: 254 });
    onTestFinished(() => {
      near.destroy();
      far.destroy();
    });
    await until(() => accepted.length === 2);
    const heard: string[] = [];
    for (const connection of accepted)
      connection.onData = (bytes) => heard.push(Buffer.from(bytes).toString());
    far.write(Buffer.from("far"));
    near.write(Buffer.from("near"));
    await until(() => heard.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toEqual(["near"]);
  });
});
