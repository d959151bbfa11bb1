import { formatAddress, parseAddress, parseCidr, type Lease } from "@netloom/core";
import type { CloudIpam } from "@netloom/ipam-cloud";
import { describe, expect, it } from "vitest";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const node = { name: "node1", instance: "i-1" };
const times = { refreshAfter: 10_000, retryAfter: 5000, visibilityLag: 0 };

type Node = readonly [lives: Lives<FakeCloud>, cloud: FakeCloud];

function launched(blocks: boolean): Node {
  const cloud = new FakeCloud(blocks ? { capabilities: { blocks: { 4: 28 } } } : {});
  cloud.launch(node);
  return [new Lives(cloud, { times }), cloud];
}

/** Somebody gives a range of the node to another. @returns puts it back */
function take(cloud: FakeCloud, range: string): () => void {
  const one = cloud.interfaces.find(({ addresses }) => addresses.some(({ cidr }) => cidr === range))!;
  one.addresses = one.addresses.filter(({ cidr }) => cidr !== range);
  cloud.launch({ name: "other", instance: "i-2" }, [range]);
  const other = cloud.interfaces.at(-1)!;
  return () => {
    one.addresses.push(...other.addresses.filter(({ cidr }) => cidr === range));
    other.addresses = other.addresses.filter(({ cidr }) => cidr !== range);
  };
}

function rangeOf(ipam: CloudIpam, { addresses }: Lease): string {
  return ipam.ranges().find((range) => parseCidr(range).contains(parseAddress(addresses[0]!)))!;
}

describe("what others have taken from the node", () => {
  it("is told of with those who use it, and given to nobody else until it is back", async () => {
    const [lives, cloud] = launched(false);
    const ipam = await lives.begin();
    const told: unknown[] = [];
    ipam.cloudEvents.on("range:lost", (...lost) => told.push(lost));
    const [pod, other] = await lives.allocate(ipam, 2);
    const range = rangeOf(ipam, pod!);
    const putBack = take(cloud, range);
    await lives.pass(11_000);
    expect(told).toEqual([[range, ["pod0"]]]);
    expect(await ipam.allocate("pod0", { families: [4] })).toEqual(pod);
    await ipam.release(pod!);
    const leases = await lives.allocate(ipam, 20, "more");
    expect(leases.flatMap(({ addresses }) => addresses)).not.toContain(pod!.addresses[0]);
    putBack();
    await lives.pass(21_000);
    expect(ipam.ranges()).toContain(range);
    expect(told.length).toBe(1);
    await ipam.release(other!);
    await ipam[Symbol.asyncDispose]();
  });

  it("has no free addresses, although it has some that nobody uses", async () => {
    const [lives, cloud] = launched(true);
    const ipam = await lives.begin();
    const [pod] = await lives.allocate(ipam, 1);
    const range = rangeOf(ipam, pod!);
    const putBack = take(cloud, range);
    await lives.pass(11_000);
    const status = ipam.status().ranges.find((one) => one.range === range)!;
    expect(status).toMatchObject({ allocated: 1, free: 0 });
    expect(status.quarantined).toBe(status.capacity - status.allocated - status.reserved);
    const unused = [2, 3]
      .map((index) => formatAddress(parseCidr(range).first.offset(index)))
      .find((address) => address !== pod!.addresses[0]);
    const asked = ipam.allocate("exact", { families: [4], addresses: [unused!] });
    await expect(asked).rejects.toThrow(/does not give/);
    const [another] = await lives.allocate(ipam, 1, "another");
    expect(parseCidr(range).contains(parseAddress(another!.addresses[0]!))).toBe(false);
    putBack();
    await lives.pass(11_000);
    expect(ipam.status().ranges.find((one) => one.range === range)!.free).toBeGreaterThan(0);
    await ipam[Symbol.asyncDispose]();
  });

  it("is the pods' still after a restart, and given back by the last of them", async () => {
    const [lives, cloud] = launched(false);
    const first = await lives.begin();
    const [pod] = await lives.allocate(first, 1);
    const range = rangeOf(first, pod!);
    take(cloud, range);
    await first[Symbol.asyncDispose]();
    const second = await lives.begin([pod!]);
    expect(second.ranges()).toContain(range);
    await second.release(pod!);
    await lives.pass(21_000);
    expect(second.ranges()).not.toContain(range);
    await second[Symbol.asyncDispose]();
  });
});
