import { describe, expect, it } from "vitest";
import { parseAddress, parseService, type NetloomError } from "@netloom/core";
import { memoryDatapath } from "@netloom/core/memory";
import { BackendState, Limits } from "../../src/datapath/schema.generated.ts";
import { LabelTable } from "../../src/labels/index.ts";
import { ServiceBook } from "../../src/service/service-book.ts";
import { ServiceTables } from "../../src/service/service-tables.ts";

const TCP = 6;
const LB = "198.51.100.1";
const labels = new LabelTable();

function bench(datapath = memoryDatapath()): {
  maps: typeof datapath.maps;
  tables: ServiceTables;
  book: ServiceBook;
  problems: NetloomError[];
  write: () => void;
} {
  const problems: NetloomError[] = [];
  const tables = new ServiceTables();
  const book = new ServiceBook(
    tables,
    (problem) => problems.push(problem),
    () => {},
  );
  const { maps } = datapath;
  const write = (): void => {
    book.update();
    tables.applySets(maps);
    tables.applyDeletes(maps);
  };
  return { maps, tables, book, problems, write };
}

const web = (backends: unknown): ReturnType<typeof parseService> =>
  parseService({ name: "web", addresses: ["10.96.0.1"], ports: [{ port: 80, targetPort: 8080 }], backends });

const key = { address: parseAddress("10.96.0.1"), port: 80, protocol: TCP };

/** Which backends a service's table names, by address. */
function tableOf({ maps }: ReturnType<typeof bench>): Map<string, number> {
  const { id } = maps.services.get(key)!;
  const counts = new Map<string, number>();
  for (const index of maps.maglev.get(id)!) {
    const address = index === 0 ? "none" : maps.backends.get(index)!.address.toString();
    counts.set(address, (counts.get(address) ?? 0) + 1);
  }
  return counts;
}

describe("services", () => {
  it("spread new flows over their backends by weight", () => {
    const at = bench();
    at.book.set("web", web([{ address: "10.1.0.1" }, { address: "10.1.0.2", weight: 3 }]), 1);
    at.write();
    const counts = tableOf(at);
    expect(counts.get("10.1.0.1")! / Limits.MAGLEV_SLOTS).toBeCloseTo(0.25, 1);
    expect(at.maps.services.get(key)).toMatchObject({ backendCount: 2 });
  });

  it("follow the live endpoints that they select", () => {
    const at = bench();
    at.book.set("web", web({ selector: { matchLabels: { app: "web" } } }), 1);
    at.write();
    expect(at.maps.services.get(key)?.backendCount).toBe(0);
    expect(tableOf(at)).toEqual(new Map([["none", Limits.MAGLEV_SLOTS]]));
    const pod = (address: string, app: string): Parameters<typeof at.book.setEndpoint>[1] => ({
      labels: labels.fromStrings([`k8s:app=${app}`]),
      addresses: [parseAddress(address)],
      local: true,
    });
    at.book.setEndpoint("n/a", pod("10.1.0.1", "web"));
    at.book.setEndpoint("n/b", pod("10.1.0.2", "db"));
    at.write();
    expect([...tableOf(at).keys()]).toEqual(["10.1.0.1"]);
    at.book.setEndpoint("n/b", pod("10.1.0.2", "web"));
    at.book.setEndpoint("n/a", undefined);
    at.write();
    expect([...tableOf(at).keys()]).toEqual(["10.1.0.2"]);
  });

  it("mark a backend that is gone, so that its flows find another", () => {
    const at = bench();
    at.book.set("web", web([{ address: "10.1.0.1" }, { address: "10.1.0.2" }]), 1);
    at.write();
    const index = [...at.maps.backends.entries()].find(
      ([, { address }]) => address.toString() === "10.1.0.1",
    )![0];
    at.book.set("web", web([{ address: "10.1.0.2" }]), 1);
    at.write();
    expect(at.maps.backends.get(index)?.state).toBe(BackendState.BACKEND_GONE);
    expect([...tableOf(at).keys()]).toEqual(["10.1.0.2"]);
  });

  it("send new flows to a terminating backend only where nobody else is left", () => {
    const at = bench();
    const leaving = { address: "10.1.0.1", state: "terminating" };
    at.book.set("web", web([leaving, { address: "10.1.0.2" }]), 1);
    at.write();
    expect([...tableOf(at).keys()]).toEqual(["10.1.0.2"]);
    at.book.set("web", web([leaving]), 1);
    at.write();
    expect([...tableOf(at).keys()]).toEqual(["10.1.0.1"]);
  });

  it("give a frontend that two want to the older one, and to the other when it goes", () => {
    const at = bench();
    const other = { ...web([{ address: "10.1.0.9" }]), name: "other" };
    at.book.set("other", other, 5);
    at.book.set("web", web([{ address: "10.1.0.1" }]), 1);
    at.write();
    expect([...tableOf(at).keys()]).toEqual(["10.1.0.1"]);
    expect(at.problems.map(({ code }) => code)).toEqual(["ERR_SERVICE_INVALID"]);
    expect(at.book.ownerOf(key.address, 80, TCP)).toBe("web");
    at.book.set("web", undefined, 0);
    at.write();
    expect([...tableOf(at).keys()]).toEqual(["10.1.0.9"]);
  });

  it("leave nothing in the datapath when they go", () => {
    const at = bench();
    at.book.set("web", web([{ address: "10.1.0.1" }]), 1);
    at.write();
    const { id } = at.maps.services.get(key)!;
    at.book.set("web", undefined, 0);
    at.write();
    expect([...at.maps.services.entries()]).toEqual([]);
    expect(at.maps.maglev.get(id)).toBeUndefined();
    expect(
      [...at.maps.backends.entries()].every(([, { state }]) => state === BackendState.BACKEND_GONE),
    ).toBe(true);
  });

  it("keep their numbers across a restart, and drop what nobody claims again", () => {
    const datapath = memoryDatapath();
    const before = bench(datapath);
    before.book.set("web", web([{ address: "10.1.0.1" }, { address: "10.1.0.2" }]), 1);
    const gone = parseService({ ...serviceInput, addresses: ["10.96.0.2"] });
    before.book.set("gone", gone, 2);
    before.write();
    const backends = [...before.maps.backends.entries()];
    const { id } = before.maps.services.get(key)!;
    const after = bench(datapath);
    after.tables.adopt(after.maps);
    // In another order than before.
    after.book.set("web", web([{ address: "10.1.0.2" }, { address: "10.1.0.1" }]), 1);
    after.write();
    after.tables.settleAdopted();
    after.write();
    expect(after.maps.services.get(key)?.id).toBe(id);
    const now = [...after.maps.backends.entries()].filter(
      ([, { state }]) => state !== BackendState.BACKEND_GONE,
    );
    expect(now).toEqual(backends.filter(([, { address }]) => address.toString() !== "10.1.0.9"));
    expect(after.maps.services.get({ ...key, address: parseAddress("10.96.0.2") })).toBeUndefined();
  });

  it("serve addresses of every type, each once", () => {
    const at = bench();
    const input = {
      ...serviceBase(),
      externalAddresses: ["192.0.2.7"],
      loadBalancerAddresses: ["198.51.100.1", "192.0.2.7"],
      backends: [{ address: "10.1.0.1" }],
    };
    const service = parseService(input);
    expect(service.addresses.map(String)).toEqual(["10.96.0.1", "192.0.2.7", "198.51.100.1"]);
    expect(JSON.parse(JSON.stringify(service.addressesByType))).toEqual({
      ClusterIP: ["10.96.0.1"],
      ExternalIP: ["192.0.2.7"],
      LoadBalancerIP: ["198.51.100.1", "192.0.2.7"],
    });
    at.book.set("web", service, 1);
    at.write();
    const frontends = [...at.maps.services.entries()].map(([{ address }]) => address.toString());
    expect(frontends.sort()).toEqual(["10.96.0.1", "192.0.2.7", "198.51.100.1"]);
  });

  it("serve clients outside their external addresses, and pods alone the others", () => {
    const at = bench();
    const input = { ...serviceBase(), loadBalancerAddresses: [LB], backends: [{ address: "10.1.0.1" }] };
    at.book.set("web", parseService(input), 1);
    at.write();
    const of = (address: string) => at.maps.services.get({ ...key, address: parseAddress(address) });
    expect(of("10.96.0.1")).toMatchObject({ externalId: 0 });
    expect(of(LB)).toMatchObject({ externalId: of(LB)!.id });
    expect(of(LB)!.id).not.toBe(0);
  });

  describe("whose outside traffic stays local", () => {
    const local = (backends: unknown, policy = "local"): ReturnType<typeof parseService> =>
      parseService({
        ...serviceBase(),
        loadBalancerAddresses: [LB],
        externalTrafficPolicy: policy,
        backends,
      });
    const pod = (address: string, here: boolean): Parameters<ServiceBook["setEndpoint"]>[1] => ({
      labels: labels.fromStrings(["k8s:app=web"]),
      addresses: [parseAddress(address)],
      local: here,
    });
    const selecting = { selector: { matchLabels: { app: "web" } } };
    const listed = [{ address: "10.1.0.1" }, { address: "10.2.0.1" }];
    const value = ({ maps }: ReturnType<typeof bench>) =>
      maps.services.get({ ...key, address: parseAddress(LB) })!;
    const reached = (at: ReturnType<typeof bench>, id: number): string[] =>
      [...new Set(at.maps.maglev.get(id))].map((index) =>
        index === 0 ? "none" : at.maps.backends.get(index)!.address.toString(),
      );

    it.each([
      ["selects", selecting],
      ["lists", listed],
    ])("have a table of this node's backends beside that of all: one that %s them", (_, backends) => {
      const at = bench();
      at.book.setEndpoint("there/a", pod("10.2.0.1", false));
      at.book.set("web", local(backends), 1);
      at.write();
      expect(value(at).externalId).not.toBe(value(at).id);
      expect(reached(at, value(at).externalId)).toEqual(["none"]);
      at.book.setEndpoint("here/a", pod("10.1.0.1", true));
      at.write();
      expect(reached(at, value(at).externalId)).toEqual(["10.1.0.1"]);
      expect(reached(at, value(at).id).sort()).toEqual(["10.1.0.1", "10.2.0.1"]);
      at.book.setEndpoint("here/a", undefined);
      at.write();
      expect(reached(at, value(at).externalId)).toEqual(["none"]);
    });

    it("lose that table when it may go anywhere again, and when they go", () => {
      const at = bench();
      at.book.setEndpoint("here/a", pod("10.1.0.1", true));
      at.book.set("web", local(listed), 1);
      at.write();
      const { externalId } = value(at);
      at.book.set("web", local(listed, "cluster"), 1);
      at.write();
      expect(value(at).externalId).toBe(value(at).id);
      expect(at.maps.maglev.get(externalId)).toBeUndefined();
      at.book.set("web", local(listed), 1);
      at.write();
      const again = value(at);
      at.book.set("web", undefined, 0);
      at.write();
      for (const id of [again.id, again.externalId]) expect(at.maps.maglev.get(id)).toBeUndefined();
    });

    it("keep both numbers across a restart, and drop the one that is needed no more", () => {
      const datapath = memoryDatapath();
      const before = bench(datapath);
      before.book.setEndpoint("here/a", pod("10.1.0.1", true));
      before.book.set("web", local(listed), 1);
      before.write();
      const was = value(before);
      const same = bench(datapath);
      same.tables.adopt(same.maps);
      same.book.setEndpoint("here/a", pod("10.1.0.1", true));
      same.book.set("web", local(listed), 1);
      same.write();
      same.tables.settleAdopted();
      same.write();
      expect(value(same)).toEqual(was);
      const other = bench(datapath);
      other.tables.adopt(other.maps);
      other.book.set("web", local(listed, "cluster"), 1);
      other.write();
      other.tables.settleAdopted();
      other.write();
      expect(value(other)).toEqual({ ...was, externalId: was.id });
      expect(other.maps.maglev.get(was.externalId)).toBeUndefined();
    });

    it("have the table mended where somebody has changed it", async () => {
      const at = bench();
      at.book.setEndpoint("here/a", pod("10.1.0.1", true));
      at.book.set("web", local(listed), 1);
      at.write();
      const { externalId } = value(at);
      at.maps.maglev.delete(externalId);
      const drifts = await at.tables.audit(at.maps, () => Promise.resolve());
      expect(drifts).toMatchObject([{ what: "maglev table", problem: "missing" }]);
      at.write();
      expect(reached(at, externalId)).toEqual(["10.1.0.1"]);
    });
  });

  it("have no labels and the traffic policy of the cluster unless they say otherwise", () => {
    expect(parseService(serviceBase())).toMatchObject({ labels: {}, externalTrafficPolicy: "cluster" });
    const said = { ...serviceBase(), labels: { app: "web" }, externalTrafficPolicy: "local" };
    expect(parseService(said)).toMatchObject({ labels: { app: "web" }, externalTrafficPolicy: "local" });
  });

  it("count the backends that take new flows, and those of one node", () => {
    const at = bench();
    const isLocal = (address: unknown): boolean => String(address) === "10.1.0.1";
    const listed = [{ address: "10.1.0.1" }, { address: "10.1.0.2" }, { address: "10.1.0.3", weight: 0 }];
    at.book.set("web", web(listed), 1);
    expect(at.book.readyBackends("web", isLocal)).toEqual({ total: 2, local: 1 });
    at.book.set("web", web([{ address: "10.1.0.1", state: "terminating" }]), 1);
    expect(at.book.readyBackends("web", isLocal)).toEqual({ total: 0, local: 0 });
    at.book.set("web", web({ selector: { matchLabels: { app: "web" } } }), 1);
    const set = labels.fromStrings(["k8s:app=web"]);
    at.book.setEndpoint("n/a", { labels: set, addresses: [parseAddress("10.1.0.1")], local: true });
    expect(at.book.readyBackends("web", isLocal)).toEqual({ total: 1, local: 1 });
    expect(at.book.readyBackends("nobody", isLocal)).toEqual({ total: 0, local: 0 });
  });

  it.each([
    [{ name: "web" }, "addresses"],
    [{ ...serviceBase(), labels: { app: 1 } }, "labels.app 1 is no text"],
    [{ ...serviceBase(), labels: { "-": "x" } }, "key"],
    [{ ...serviceBase(), externalAddresses: ["web"] }, "externalAddresses[0]"],
    [{ ...serviceBase(), loadBalancerAddresses: "10.0.0.1" }, "loadBalancerAddresses"],
    [{ ...serviceBase(), externalTrafficPolicy: "Local" }, "write cluster or local"],
    [{ ...serviceBase(), addresses: ["10.96.0.256"] }, "addresses[0]"],
    [{ ...serviceBase(), ports: [{ port: 80 }, { port: 80 }] }, "is there twice"],
    [{ ...serviceBase(), ports: [{ port: 80, protocol: "SCTP" }] }, "write TCP or UDP"],
    [{ ...serviceBase(), backends: [{ address: "fd00::1" }] }, "of a family the service has no address of"],
    [{ ...serviceBase(), backends: [{ address: "10.0.0.1", weight: -1 }] }, "weight -1 is out of range"],
    [{ ...serviceBase(), backends: 7 }, "backends 7 is no object"],
  ])("are refused where they are wrong: %#", (input, expected) => {
    expect(() => parseService(input)).toThrow(
      expect.objectContaining({ code: "ERR_SERVICE_INVALID" }) as Error,
    );
    expect(() => parseService(input)).toThrow(expected);
  });
});

const serviceInput = { name: "gone", ports: [{ port: 80 }], backends: [{ address: "10.1.0.9" }] };

function serviceBase(): Record<string, unknown> {
  return { name: "web", addresses: ["10.96.0.1"], ports: [{ port: 80 }], backends: [] };
}
