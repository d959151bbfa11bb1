import type { Lease } from "@netloom/core";
import type { CloudIpam } from "@netloom/ipam-cloud";
import { describe, expect, it } from "vitest";
import { FakeCloud } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

interface Told {
  readonly after: number;
  readonly lease?: Lease;
  readonly message?: string;
}

/** What so many pods that come at once are told, and after how many milliseconds. */
function ask(
  lives: Lives<FakeCloud>,
  ipam: CloudIpam,
  count: number,
  name = "pod",
): Promise<readonly Told[]> {
  const began = lives.clock.monotonic();
  const after = (): number => lives.clock.monotonic() - began;
  return lives.until(
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        ipam.allocate(`${name}${index}`, { families: [4] }).then(
          (lease): Told => ({ after: after(), lease }),
          (error: Error): Told => ({ after: after(), message: error.message }),
        ),
      ),
    ),
  );
}

/** An instance of two interfaces with six slots each, the second of which takes eight seconds to attach. */
async function slowNode() {
  const cloud = new FakeCloud({ limits: { interfaces: 2, slots: { 4: 6 } } });
  cloud.launch({ name: "node1", instance: "i-1" });
  cloud.slow = true;
  const lives = new Lives(cloud);
  const read = cloud.readNode.bind(cloud);
  let attachAt = Infinity;
  cloud.readNode = async (node, call) => {
    const found = (await read(node, call))!;
    const isSlow = lives.clock.monotonic() < attachAt;
    const interfaces = found.interfaces.map((one) =>
      isSlow && !one.primary ? { ...one, state: "attaching" as const } : one,
    );
    return { ...found, interfaces };
  };
  const ipam = await lives.begin();
  attachAt = lives.clock.monotonic() + 8000;
  return { lives, ipam };
}

describe("who waits", () => {
  it("is not refused for what is only to be kept warm, as long as an interface attaches that has enough", async () => {
    const { lives, ipam } = await slowNode();
    const told = await ask(lives, ipam, 7);
    expect(told.map(({ lease }) => lease?.addresses.length)).toEqual(Array(7).fill(1));
    await ipam[Symbol.asyncDispose]();
  });

  it("is refused at once beyond what is on its way, whoever came last", async () => {
    const { lives, ipam } = await slowNode();
    // Two interfaces of five addresses for pods, one of which is the node's own.
    const told = await ask(lives, ipam, 11);
    expect(told.map(({ lease }) => lease !== undefined)).toEqual([
      ...Array<boolean>(9).fill(true),
      false,
      false,
    ]);
    for (const { after, message } of told.slice(9)) {
      expect(after).toBeLessThan(1000);
      expect(message).toContain("can have no more interfaces");
    }
    await ipam[Symbol.asyncDispose]();
  });

  it.each([{ maxAllocate: 4 }, { targets: { warmAddresses: 0, maxAddresses: 4 } }])(
    "is told at once of the policy where that allows no more: %o",
    async (policy) => {
      const cloud = new FakeCloud();
      cloud.launch({ name: "node1", instance: "i-1" });
      const lives = new Lives(cloud, { policy });
      const ipam = await lives.begin();
      expect((await ask(lives, ipam, 3)).every(({ lease }) => lease !== undefined)).toBe(true);
      const [late] = await ask(lives, ipam, 1, "late");
      expect(late!.after).toBeLessThan(1000);
      expect(late!.message).toMatch(/it has its (maxAllocate|targets.maxAddresses) of 4 addresses/);
      await ipam[Symbol.asyncDispose]();
    },
  );
});
