import { systemClock, type Clock } from "@netloom/core";
import { describe, expect, it } from "vitest";
import {
  block,
  callOf,
  Canned,
  configuration,
  machine,
  nic,
  node,
  NIC,
  PRIMARY,
  single,
  SUBNET,
} from "./support/canned.ts";

const GROUPS = [{ id: "/asg" }];
const POD = configuration("grow-1-0", "10.0.0.9");

describe("the interface of a machine on its own", () => {
  it("is sent back as it was, with one configuration more, against the version it was read in", async () => {
    const rest = {
      enableAcceleratedNetworking: true,
      networkSecurityGroup: { id: "/nsg" },
      dnsSettings: { dnsServers: ["10.0.0.10"] },
    };
    const primary = configuration("primary", "10.0.0.4", {
      primary: true,
      applicationSecurityGroups: GROUPS,
    });
    await using azure = await Canned.open(() => [
      { body: nic([primary], rest) },
      { body: nic([primary, POD], rest) },
    ]);
    expect(await azure.provider().assign(single, callOf())).toEqual(["10.0.0.9/32"]);
    const put = azure.received[1]!;
    expect(put.headers["if-match"]).toBe('W/"1"');
    expect(put.body).toMatchObject({
      location: "here",
      properties: {
        ...rest,
        ipConfigurations: [
          {
            name: "primary",
            properties: { primary: true, privateIPAddress: "10.0.0.4", applicationSecurityGroups: GROUPS },
          },
          {
            name: "grow-1-0",
            properties: {
              primary: false,
              privateIPAllocationMethod: "Dynamic",
              subnet: { id: SUBNET },
              // Azure wants them alike on all configurations.
              applicationSecurityGroups: GROUPS,
            },
          },
        ],
      },
    });
  });

  it("is asked for a block by its length, and for exactly one by its address too", async () => {
    const given = configuration("grow-1-0", "10.0.0.16/28", { privateIPAddressPrefixLength: 28 });
    await using azure = await Canned.open(() => [
      { body: nic() },
      { body: nic([PRIMARY, given]) },
      { body: nic() },
      { body: nic([PRIMARY, given]) },
    ]);
    const provider = azure.provider({ blocks: true });
    expect(await provider.assign(block, callOf())).toEqual(["10.0.0.16/28"]);
    expect(await provider.assign({ ...block, exact: ["10.0.0.16/28"] }, callOf())).toEqual(["10.0.0.16/28"]);
    const wanted = azure.received
      .filter(({ method }) => method === "PUT")
      .map(
        ({ body }) =>
          (body as { properties: { ipConfigurations: { properties: object }[] } }).properties
            .ipConfigurations[1]!.properties,
      );
    expect(wanted[0]).toMatchObject({
      privateIPAllocationMethod: "Dynamic",
      privateIPAddressPrefixLength: 28,
    });
    expect(wanted[1]).toMatchObject({
      privateIPAllocationMethod: "Static",
      privateIPAddress: "10.0.0.16/28",
      privateIPAddressPrefixLength: 28,
    });
  });

  it("has no blocks unless it is said that the subscription may", async () => {
    await using azure = await Canned.open(() => [{ body: nic() }]);
    expect(azure.provider().capabilities.blocks).toEqual({});
    expect(azure.provider({ blocks: true }).capabilities.blocks).toEqual({ 4: 28 });
    expect(azure.provider({ blocks: true, machines: "scale-set" }).capabilities.blocks).toEqual({});
    await expect(azure.provider().assign(block, callOf())).rejects.toMatchObject({
      fault: { kind: "invalid" },
    });
    expect(azure.received).toEqual([]);
  });

  it("has a block whichever of its addresses Azure names", async () => {
    const given = configuration("grow-1-0", "10.0.0.19", { privateIPAddressPrefixLength: 28 });
    await using azure = await Canned.open(() => [{ body: machine }, { body: nic([PRIMARY, given]) }]);
    const [one] = (await azure.provider().readNode(node, callOf("")))!.interfaces;
    expect(one!.addresses[1]).toEqual({ cidr: "10.0.0.16/28", role: "block", ready: true });
  });

  it("is not changed for an intent that it bears already", async () => {
    await using azure = await Canned.open(() => [{ body: nic([PRIMARY, POD]) }]);
    const call = callOf();
    expect(await azure.provider().assign(single, call)).toEqual(["10.0.0.9/32"]);
    expect(call.actions).toEqual(["NetworkInterfaces.Get"]);
  });

  it("has not given what Azure has not finished", async () => {
    const pending = configuration("grow-1-0", "10.0.0.9", { provisioningState: "Updating" });
    await using azure = await Canned.open(() => [{ body: nic([PRIMARY, pending]) }]);
    await expect(azure.provider().assign(single, callOf())).rejects.toMatchObject({
      fault: { kind: "ambiguous" },
    });
  });

  it("keeps for itself what the world outside leads to", async () => {
    const others = [
      configuration("public", "10.0.0.5", { publicIPAddress: { id: "/ip" } }),
      configuration("balanced", "10.0.0.6", { loadBalancerBackendAddressPools: [{ id: "/pool" }] }),
      configuration("six", "2001:db8::4", { privateIPAddressVersion: "IPv6" }),
    ];
    await using azure = await Canned.open(() => [
      { body: machine },
      { body: nic([...others, PRIMARY, POD]) },
    ]);
    const provider = azure.provider();
    const [one] = (await provider.readNode(node, callOf("")))!.interfaces;
    expect(one!.addresses.map(({ cidr, role }) => [cidr, role])).toEqual([
      ["10.0.0.4/32", "primary"],
      ["10.0.0.5/32", "primary"],
      ["10.0.0.6/32", "primary"],
      ["2001:db8::4/128", "primary"],
      ["10.0.0.9/32", "secondary"],
    ]);
    await provider.unassign!({ node, interface: NIC, cidrs: ["10.0.0.5/32", "10.0.0.6/32"] }, callOf());
    expect(azure.received.filter(({ method }) => method === "PUT")).toEqual([]);
  });

  it("is looked at again when Azure says so", async () => {
    const waits: number[] = [];
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      after(delay, run) {
        waits.push(delay);
        return systemClock.after(0, run);
      },
    };
    await using azure = await Canned.open((url) => {
      const headers = { "azure-asyncoperation": `${url}/operations/1?api-version=1` };
      const running = { body: { status: "InProgress" }, headers: { "retry-after": "7" } };
      const done = { body: { status: "Succeeded" } };
      return [
        { body: nic() },
        { status: 201, body: nic(), headers },
        running,
        done,
        { body: nic([PRIMARY, POD]) },
      ];
    });
    expect(await azure.provider({ clock, pollInterval: 900 }).assign(single, callOf())).toEqual([
      "10.0.0.9/32",
    ]);
    expect(waits).toEqual([900, 7000]);
  });
});

describe("a machine that was made anew under its name", () => {
  it("is not the one that there was", async () => {
    await using azure = await Canned.open(() => [{ body: machine }, { body: nic() }]);
    const provider = azure.provider();
    const before = { ...node, instance: `${node.instance}#vm-0` };
    expect(await provider.readNode(before, callOf(""))).toBeUndefined();
    expect(await provider.limits(before, callOf(""))).toBeUndefined();
  });
});
