import { describe, expect, it } from "vitest";
import { createSpeaker } from "../../src/index.ts";
import { callerOf } from "../../src/speaker/callers.ts";
import type { PeerConfig } from "../../src/api/config.ts";

const call = (from: string, to: string) => ({
  remote: { address: from, port: 40_000 },
  local: { address: to, port: 179 },
});
const peer = (name: string, more: Partial<PeerConfig>): PeerConfig => ({
  name,
  remote: { dynamic: "0.0.0.0/0" },
  remoteAsn: "any",
  ...more,
});

describe("who calls", () => {
  it("is known by addresses, however they are written", () => {
    const [remote, localAddress] = [{ address: "2001:DB8:0::2" }, "2001:DB8:0::1"];
    expect(callerOf(call("2001:db8::2", "2001:db8::1"), [peer("six", { remote, localAddress })])?.name).toBe(
      "six",
    );
    const link = peer("link", { remote: { address: "fe80::2%eth0" }, localAddress: "fe80::1" });
    expect(callerOf(call("fe80::2%eth0", "fe80::1%eth0"), [link])?.name).toBe("link");
    expect(callerOf(call("fe80::2%eth1", "fe80::1%eth1"), [link])).toBeUndefined();
  });

  it("is the most exact that fits: an address, then the narrowest prefix, at the address it called", () => {
    const peers = [
      peer("all", {}),
      peer("rack", { remote: { dynamic: "192.0.2.0/24" } }),
      peer("host", { remote: { address: "192.0.2.7" } }),
      peer("elsewhere", { remote: { address: "192.0.2.8" }, localAddress: "192.0.2.250" }),
    ];
    const caller = (from: string) => callerOf(call(from, "192.0.2.1"), peers)?.name;
    expect([caller("192.0.2.7"), caller("192.0.2.8"), caller("198.51.100.1")]).toEqual([
      "host",
      "rack",
      "all",
    ]);
    expect(caller("2001:db8::1")).toBeUndefined();
  });

  it.each(["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/24/7", "ten/8", "fe80::/129"])(
    "cannot be of %s, which is no prefix",
    (dynamic) => {
      const config = {
        asn: 65_001,
        routerId: "192.0.2.1",
        listen: {},
        peers: [peer("x", { remote: { dynamic } })],
      };
      expect(() => createSpeaker(config)).toThrow(/peer x: remote\.dynamic/);
    },
  );
});
