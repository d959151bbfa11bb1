import { describe, expect, it } from "vitest";
import { SessionReport } from "../../src/bmp/session-report.ts";
import { decodeBmp } from "../../src/bmp/wire.ts";
import { Rib } from "../../src/rib/rib.ts";
import type { MonitoredSession } from "../../src/speaker/monitor.ts";
import type { WireContext } from "../../src/wire/context.ts";
import { UpdateDecoder } from "../../src/wire/update-decoder.ts";
import { attributeOf, contextOf, messageOf, toHex, updateOf } from "../wire/support/build.ts";

const open = messageOf(1, "04fdea005a0a00000200");
const NOW = 1_700_000_000_250;

/** A session with a RIB behind it, and what a station is told of it. */
function reportOf(changes: Partial<WireContext>, remote = "192.0.2.2") {
  const context = contextOf({ internal: false, ...changes });
  const rib = new Rib({ asn: 65_001, routerId: "10.0.0.1" });
  const [kind, asn, localAsn] = ["external", 65_002, 65_001] as const;
  const peer = rib.addPeer({ name: "peer", kind, asn, localAsn, routerId: "10.0.0.2", address: remote }, {});
  const session: MonitoredSession = {
    peer: "peer",
    local: { address: remote.includes(":") ? "2001:db8::1" : "192.0.2.1", port: 179 },
    remote: { address: remote, port: 40_000 },
    ...{ remoteAsn: asn, remoteRouterId: "10.0.0.2", context, establishedAt: NOW },
    opens: { sent: open, received: open },
    counts: (family) => rib.counts(peer, family),
    replay: (family) => rib.replay(peer, family, context),
  };
  const decoder = new UpdateDecoder(context);
  const report = new SessionReport(session);
  return {
    report,
    /** The UPDATEs a station is told when this one comes. */
    hear: (message: Uint8Array): string[] => {
      const update = decoder.decode(message);
      rib.apply(peer, update);
      return report.update(message, update, NOW).map(updateIn);
    },
    replayed: (): string[] => [...report.replay(false)].flat().map(updateIn),
    restarted: (): void => rib.markStale(peer, "ipv4-unicast"),
  };
}

function updateIn(message: Uint8Array): string {
  const read = decodeBmp(message);
  return read.kind === "route-monitoring" ? toHex(read.update) : read.kind;
}

const origin = attributeOf(0x40, 1, "00");
const nextHop = attributeOf(0x40, 3, "c0000202");

describe("what stations are told of a session", () => {
  it("has two-byte AS paths, and says so, where the peer has", () => {
    const { report, hear, replayed } = reportOf({ fourOctetAs: false });
    const path = attributeOf(0x40, 2, "0202fdea5ba0");
    const path4 = attributeOf(0xc0, 17, "02020000fdea00011170");
    const update = updateOf({ attributes: origin + path + nextHop + path4, nlri: "180a0100" });
    expect(hear(update)).toEqual([toHex(update)]);
    expect(replayed()).toEqual([toHex(update)]);
    expect(decodeBmp(report.up())).toMatchObject({ peer: { legacyAsPath: true } });
    expect(decodeBmp([...report.replay(false)].flat()[0]!)).toMatchObject({
      peer: { legacyAsPath: true, at: 0 },
    });
  });

  it("has path identifiers where the peer's prefixes have", () => {
    const { hear, replayed } = reportOf({ addPathReceive: ["ipv4-unicast"] });
    const attributes = origin + attributeOf(0x40, 2, "02010000fdea") + nextHop;
    const update = updateOf({ attributes, nlri: "00000007180a010000000008180a0100" });
    hear(update);
    expect(replayed()).toHaveLength(1);
    expect(replayed()[0]).toMatch(/(00000007180a010000000008180a0100|00000008180a010000000007180a0100)$/);
  });

  it("names both ends of a session over IPv6, without the device", () => {
    const { report } = reportOf({}, "fe80::2%eth0");
    expect(decodeBmp(report.up())).toMatchObject({
      ...{ localAddress: "2001:db8::1", localPort: 179, remotePort: 40_000 },
      peer: { address: "fe80::2", at: NOW },
    });
  });

  it("has nothing of before the peer's restart: it would never be withdrawn", () => {
    const { hear, replayed, restarted } = reportOf({});
    const attributes = origin + attributeOf(0x40, 2, "02010000fdea") + nextHop;
    hear(updateOf({ attributes, nlri: "180a0100180a0200" }));
    restarted();
    expect(replayed()).toEqual([]);
    hear(updateOf({ attributes, nlri: "180a0200" }));
    expect(replayed()).toEqual([toHex(updateOf({ attributes, nlri: "180a0200" }))]);
  });

  it("withdraws what RFC 7606 treats as withdrawn: a station need not know", () => {
    const { hear, replayed } = reportOf({});
    const path = attributeOf(0x40, 2, "02010000fdea");
    const good = updateOf({ attributes: origin + path + nextHop, nlri: "180a0100180a0200" });
    expect(hear(good)).toEqual([toHex(good)]);
    const bad = updateOf({ attributes: attributeOf(0x40, 1, "09") + path + nextHop, nlri: "180a0100" });
    expect(hear(bad)).toEqual([toHex(updateOf({ withdrawn: "180a0100" }))]);
    expect(replayed()).toEqual([toHex(updateOf({ attributes: origin + path + nextHop, nlri: "180a0200" }))]);
  });

  it("leaves out an attribute that RFC 7606 discards", () => {
    const { hear } = reportOf({});
    const path = attributeOf(0x40, 2, "02010000fdea");
    const bad = updateOf({
      attributes: origin + path + nextHop + attributeOf(0x40, 6, "00"),
      nlri: "180a0100",
    });
    expect(hear(bad)).toEqual([toHex(updateOf({ attributes: origin + path + nextHop, nlri: "180a0100" }))]);
  });
});
