import { describe, expect, it } from "vitest";
import { deviceAddresses } from "../src/sys/device-addresses.ts";
import { pair, unprivileged } from "./support/kernel.ts";

describe.skipIf(unprivileged)("addresses of a device", () => {
  it("are those that others may use", () => {
    const { node } = pair();
    node.rtnl.addresses.add({ device: "lo", address: "198.51.100.7/32" });
    node.rtnl.addresses.add({ device: "lo", address: "2001:db8::7/128", noDad: true });
    expect(deviceAddresses("lo", node.path)).toEqual(["198.51.100.7", "2001:db8::7"]);
    expect(deviceAddresses("up0", node.path)).toEqual(["192.0.2.11"]);
    expect(deviceAddresses("any9", node.path)).toEqual([]);
  });
});
