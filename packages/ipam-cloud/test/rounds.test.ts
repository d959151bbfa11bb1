import { NetloomError, type IpamContext } from "@netloom/core";
import { cloudIpam, type CloudFault, type CloudIpam, type CloudIpamOptions } from "@netloom/ipam-cloud";
import { describe, expect, it } from "vitest";
import { FakeCloud, type FakeOptions } from "./support/fake-cloud.ts";
import { Lives } from "./support/life.ts";

const PATIENCE = 60_000;
const DOWN: CloudFault = { kind: "transient" };

function world(options: Partial<CloudIpamOptions> = {}, some: FakeOptions = {}) {
  const cloud = new FakeCloud(some);
  cloud.launch({ name: "node1", instance: "i-1" });
  const lives = new Lives(cloud, options);
  const ipam = cloudIpam({ provider: cloud, instance: { instance: "i-1" }, ...options });
  return { cloud, lives, ipam };
}

/** Nothing that is read is answered, or everything again. */
function down(cloud: FakeCloud, fault: CloudFault | undefined = DOWN): void {
  cloud.fails = (_, when) => (when === "before" ? fault : undefined);
}

function failing(promise: Promise<unknown>): Promise<NetloomError> {
  return promise.then(
    () => Promise.reject(new Error("it did not fail")),
    (error: unknown) => error as NetloomError,
  );
}

function waiting(ipam: CloudIpam, count: number): Promise<unknown> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => ipam.allocate(`late${index}`, { families: [4] })),
  );
}

describe("rounds that fail", () => {
  it("are tried again soon where somebody waits, whenever it came, and not for each who does", async () => {
    const { cloud, lives } = world();
    const ipam = await lives.begin();
    down(cloud);
    await lives.pass(15 * 60_000);
    cloud.requests.length = 0;
    const served = waiting(ipam, 20);
    for (let second = 0; second < 30; second++) {
      ipam.allocate(`more${second}`, { families: [4] }).catch(() => undefined);
      await lives.pass(1000);
    }
    expect(cloud.requests.length).toBeLessThan(10);
    cloud.fails = () => undefined;
    const began = lives.clock.monotonic();
    await lives.until(served);
    expect(lives.clock.monotonic() - began).toBeLessThanOrEqual(11_000);
    await ipam[Symbol.asyncDispose]();
  });

  it("are no reason any more when they have succeeded since", async () => {
    const { cloud, lives } = world();
    const ipam = await lives.begin();
    down(cloud, { kind: "credentials", why: "expired" });
    await lives.pass(400_000);
    cloud.fails = () => undefined;
    await lives.pass(400_000);
    // Every answer takes longer than anybody waits.
    cloud.assign = () => new Promise(() => undefined);
    cloud.ensureInterface = () => new Promise(() => undefined);
    const error = await lives.until(failing(waiting(ipam, 20)));
    expect(error.message).toContain("the cloud has not answered yet");
  });

  it("go on where whoever is told of it fails", async () => {
    const { cloud, lives, ipam } = world();
    const report = (): never => {
      throw new Error("nobody listens");
    };
    const context: IpamContext = { ...lives.context, report };
    await lives.until(ipam.start(context));
    ipam.cloudEvents.on("action:failed", report);
    down(cloud);
    await lives.pass(400_000);
    cloud.fails = () => undefined;
    cloud.requests.length = 0;
    await lives.pass(400_000);
    expect(cloud.requests).toContain("ReadNode");
    await ipam[Symbol.asyncDispose]();
  });

  it("say what it was", async () => {
    const { lives, ipam } = world({
      pools: () => {
        throw new Error("tags are missing");
      },
    });
    await expect(lives.until(ipam.start(lives.context))).rejects.toThrow(/tags are missing/);
    await ipam[Symbol.asyncDispose]();
  });
});

describe("who waits", () => {
  it("waits its own time, though it was there before", async () => {
    const { cloud, lives } = world();
    const ipam = await lives.begin();
    down(cloud);
    await lives.allocate(ipam, 8);
    const began = lives.clock.monotonic();
    const after = async (promise: Promise<unknown>): Promise<number> => {
      await failing(promise);
      return lives.clock.monotonic() - began;
    };
    const first = after(ipam.allocate("same", { families: [4] }));
    await lives.pass(PATIENCE - 10_000);
    const second = after(ipam.allocate("same", { families: [4] }));
    expect(await lives.until(first)).toBeLessThan(PATIENCE + 2000);
    expect(await lives.until(second)).toBeGreaterThan(2 * PATIENCE - 12_000);
    await ipam[Symbol.asyncDispose]();
  });
});

describe("a start", () => {
  it("ends while nobody says which instance this is, and says so to whom it asked", async () => {
    let asked: AbortSignal | undefined;
    const { lives, ipam } = world({
      instance: ({ signal }) => {
        asked = signal;
        return new Promise(() => undefined);
      },
    });
    const stop = new AbortController();
    const aborted = failing(ipam.start(lives.context, { signal: stop.signal }));
    stop.abort(new Error("enough"));
    expect((await aborted).message).toBe("enough");
    expect(asked?.aborted).toBe(true);
    const again = failing(ipam.start(lives.context));
    await ipam[Symbol.asyncDispose]();
    expect(await again).toMatchObject({ code: "ERR_CLOSED" });
  });

  it("takes no instance for one that is none", async () => {
    const { lives, ipam } = world({ instance: async () => ({}) as { instance: string } });
    await expect(ipam.start(lives.context)).rejects.toMatchObject({ code: "ERR_OPTIONS_INVALID" });
  });

  it("that has failed leaves nobody waiting", async () => {
    const { cloud, lives, ipam } = world();
    down(cloud, { kind: "denied", action: "ec2:Describe" });
    await expect(lives.until(ipam.start(lives.context))).rejects.toMatchObject({ code: "ERR_PERMISSION" });
    await expect(ipam.allocate("pod", { families: [4] })).rejects.toMatchObject({ code: "ERR_CLOSED" });
    cloud.fails = () => undefined;
    await lives.until(ipam.start(lives.context));
    await ipam[Symbol.asyncDispose]();
  });

  it.each([
    ["option pools leaves no pool", { pools: () => false }, [4]],
    ["pool pool has no IPv6", {}, [4, 6]],
  ] as const)("waits, and says that %s", async (why, options, families) => {
    const { lives, ipam } = world(options, { cidrs: ["10.0.0.0/24"] });
    const reported: string[] = [];
    const report = (error: unknown): void => void reported.push((error as Error).message);
    const started = failing(ipam.start({ ...lives.context, families, report }));
    await lives.pass(1000);
    expect(reported.join()).toContain(why);
    await ipam[Symbol.asyncDispose]();
    await started;
  });
});

describe("a node whose pods are given no IPv6 any more", () => {
  const policy = { preAllocate: 2, excessDelay: 10_000 };
  const some = { cidrs: ["10.0.0.0/20", "2001:db8::/112"], limits: { interfaces: 4, slots: { 4: 6, 6: 6 } } };

  it("keeps no interfaces for it", async () => {
    const { cloud, lives, ipam } = world({ policy }, some);
    await lives.until(ipam.start({ ...lives.context, families: [4, 6] }));
    await ipam.restore([]);
    const owners = Array.from({ length: 9 }, (_, index) => `pod${index}`);
    await lives.until(Promise.all(owners.map((owner) => ipam.allocate(owner, { families: [4, 6] }))));
    await ipam[Symbol.asyncDispose]();
    expect(cloud.interfaces.length).toBeGreaterThan(1);
    const later = cloudIpam({ provider: cloud, instance: { instance: "i-1" }, policy });
    await lives.until(later.start(lives.context));
    await lives.pass(900_000);
    // It is not known yet what pods have.
    expect(cloud.interfaces.length).toBeGreaterThan(1);
    await later.restore([]);
    await lives.pass(900_000);
    expect(cloud.interfaces.length).toBe(1);
    await later[Symbol.asyncDispose]();
  });
});
