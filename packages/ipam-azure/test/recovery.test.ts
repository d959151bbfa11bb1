import type { AzureMachineKind } from "@netloom/ipam-azure";
import { simCloud, SimConnectionError } from "@netloom/sim-cloud";
import { arm } from "@netloom/sim-cloud/http";
import { describe, expect, it } from "vitest";
import { callOf } from "./support/canned.ts";
import { Wire } from "./support/stage.ts";

const KINDS: readonly AzureMachineKind[] = ["standalone", "scale-set"];

function cloud(interfaces = 1) {
  const sim = simCloud({
    pools: [
      { id: "subnet-a", cidrs: ["10.9.0.0/24"] },
      { id: "subnet-b", cidrs: ["10.9.1.0/24"] },
    ],
  });
  return { sim, launched: sim.launch({ name: "node1", pool: "subnet-a", interfaces }) };
}

describe.each(KINDS)("addresses of Azure's choice: %s", (machines) => {
  it("are given once for one intent, whichever answer is lost", async () => {
    for (let lost = 1, happened = true; happened; lost++) {
      const { sim, launched } = cloud();
      await using wire = new Wire(sim);
      const node = arm.node(launched, machines);
      const provider = wire.provider({ machines });
      const [one] = (await provider.readNode(node, callOf("")))!.interfaces;
      const before = sim.calls.length;
      sim.hooks = {
        after: ({ number }) => {
          if (number === before + lost) throw new SimConnectionError("lost");
        },
      };
      const request = { node, interface: one!.id, family: 4, prefix: 32, count: 3 } as const;
      happened = await provider.assign(request, callOf()).then(
        () => false,
        () => true,
      );
      sim.hooks = {};
      const added = await provider.assign(request, callOf());
      expect(added).toHaveLength(3);
      expect(sim.owners().size).toBe(4);
      expect(lost).toBeLessThan(10);
    }
  });

  it("are taken away by address, from the interface that has them", async () => {
    const { sim, launched } = cloud(2);
    await using wire = new Wire(sim);
    const node = arm.node(launched, machines);
    const provider = wire.provider({ machines });
    const ids = (await provider.readNode(node, callOf("")))!.interfaces.map(({ id }) => id);
    const on = (id: string, intent: string) =>
      provider.assign({ node, interface: id, family: 4, prefix: 32, count: 2 }, callOf(intent));
    const [first] = [await on(ids[0]!, "grow-1"), await on(ids[1]!, "grow-2")];
    await provider.unassign!({ node, interface: ids[0]!, cidrs: [first[0]!] }, callOf("shrink-1"));
    const after = (await provider.readNode(node, callOf("")))!.interfaces;
    expect(after.map(({ addresses }) => addresses.length)).toEqual([2, 3]);
    expect(after[0]!.addresses.map(({ cidr }) => cidr)).toContain(first[1]);
  });

  it("leave by a gateway that is told where there are several interfaces", async () => {
    const { sim, launched } = cloud(2);
    await using wire = new Wire(sim);
    const inventory = await wire.provider({ machines }).readNode(arm.node(launched, machines), callOf(""));
    expect(inventory!.interfaces.map(({ gateway, primary, managed }) => [gateway, primary, managed])).toEqual(
      [
        ["10.9.0.1", true, true],
        ["10.9.0.1", false, true],
      ],
    );
  });
});
