import { describe, expect, it } from "vitest";
import { familiesOf, openOf } from "../../src/session/open.ts";
import { configuredTarget, socketOptions } from "../../src/session/target.ts";
import type { PeerConfig } from "../../src/api/config.ts";
import { encodeOpen } from "../../src/wire/open.ts";
import { ebgp, hex } from "./support/lab.ts";

const local = { asn: 65001, routerId: "10.0.0.1" };
const open = (config: Partial<PeerConfig>, restarting = false): string =>
  hex(encodeOpen(openOf({ ...ebgp, ...config }, local, { restarting })));

describe("what we say of ourselves", () => {
  it("names families, AS number, refreshes, long messages, next hops and graceful restart", () => {
    expect(open({})).toContain("010400010001");
    for (const capability of ["0200", "4600", "0600", "41040000fde9", "0506000100010002"])
      expect(open({})).toContain(capability);
    // N, restart time 120 s, forwarding kept.
    expect(open({})).toContain("4006407800010180");
  });

  it("says that we have restarted only when we have", () => {
    expect(open({}, true)).toContain("4006c07800010180");
  });

  it("offers graceful restart for no more than our families, and not at all where it is off", () => {
    const families = { "ipv6-unicast": {} };
    expect(open({ families })).toContain("4006407800020180");
    expect(open({ families })).not.toContain("0506");
    expect(
      openOf({ ...ebgp, gracefulRestart: false }, local, { restarting: true }).capabilities,
    ).not.toContainEqual(expect.objectContaining({ kind: "graceful-restart" }));
  });

  it("keeps routes longer, as the last resort, where that is asked for", () => {
    const gracefulRestart = { restartTime: 10, forwardingPreserved: false, longLived: 3600 };
    expect(open({ gracefulRestart })).toContain("4006400a00010100");
    expect(open({ gracefulRestart })).toContain("470700010100000e10");
  });

  it("has forwarding kept for those families that the facts name", () => {
    const families = { "ipv4-unicast": {}, "ipv6-unicast": {} };
    const facts = { restarting: true, forwarding: ["ipv6-unicast"] as const, host: "node-1" };
    const bytes = hex(encodeOpen(openOf({ ...ebgp, families }, local, facts)));
    expect(bytes).toContain("400ac0780001010000020180");
    expect(bytes).toContain(`4908066e6f64652d3100`);
  });

  it("has several paths, a role, another AS number and another hold time where that is configured", () => {
    expect(open({ addPath: { send: true } })).toContain("450400010102");
    expect(open({ addPath: { receive: true } })).toContain("450400010101");
    expect(open({ role: "customer" })).toContain("090103");
    expect(open({ localAsn: 4_200_000_000 })).toMatch(/^.{38}045ba0005a/);
    expect(open({ timers: { hold: 0 } })).toMatch(/^.{38}04fde90000/);
  });

  it("is of IPv4 where no family is configured", () => {
    expect(familiesOf(ebgp)).toEqual(["ipv4-unicast"]);
    expect(familiesOf({ ...ebgp, families: { "ipv6-unicast": {}, "ipv4-unicast": {} } })).toEqual([
      "ipv4-unicast",
      "ipv6-unicast",
    ]);
  });
});

describe("sockets of a peer", () => {
  const options = (config: Partial<PeerConfig>): object => socketOptions({ ...ebgp, ...config }, 65001);

  it("reach one hop, where the peer is external", () => {
    expect(options({})).toMatchObject({ ttl: 1 });
    expect(options({ remoteAsn: "external" })).toMatchObject({ ttl: 1 });
    expect(options({ remoteAsn: 65001 })).not.toHaveProperty("ttl");
    expect(options({ remoteAsn: "internal" })).not.toHaveProperty("ttl");
    expect(options({ transport: { multihop: 5 } })).toMatchObject({ ttl: 5 });
  });

  it("take nothing from further away than TTL security says", () => {
    expect(options({ transport: { ttlSecurity: 1 } })).toMatchObject({ ttl: 255, minimumTtl: 255 });
    expect(options({ transport: { ttlSecurity: 3 } })).toMatchObject({ ttl: 255, minimumTtl: 253 });
  });

  it("have the key, the address and the device of the configuration", () => {
    expect(
      options({ localAddress: "192.0.2.1", transport: { md5: "secret", interface: "eth0" } }),
    ).toMatchObject({ localAddress: "192.0.2.1", md5: "secret", interface: "eth0" });
  });

  it("have a target where the configuration has an address", () => {
    expect(configuredTarget(ebgp)).toEqual({ address: "192.0.2.2" });
    expect(configuredTarget({ ...ebgp, remote: { dynamic: "10.0.0.0/8" } })).toBeUndefined();
  });
});
