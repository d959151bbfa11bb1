import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemRuntime, type Family, type Ipam, type IpamContext, type RestoredLease } from "@netloom/core";
import { memoryStore, seededRandom } from "@netloom/core/memory";
import { hostScope } from "@netloom/ipam-host-scope";

const RANGES = ["10.0.0.0/29", "10.0.8.0/30", "fd00::/126"];
/** What a pod can have of them: all but their ends and, of the first of each family, the node's own. */
const USABLE: Readonly<Record<Family, readonly string[]>> = {
  4: ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.8.1", "10.0.8.2"],
  6: ["fd00::2"],
};
const ALL = [...USABLE[4], ...USABLE[6]];
const CAPACITY = 8 + 4 + 4;

/** As naive as can be: a list of leases. */
interface Model {
  leases: RestoredLease[];
}
/** What the agent holds: it outlives the IPAM, which is begun anew at each restart. */
interface Real {
  ipam: Ipam;
}
type Step = fc.AsyncCommand<Model, Real>;

const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);
const taken = ({ leases }: Model): Set<string> => new Set(leases.flatMap(({ addresses }) => addresses));
const live = ({ leases }: Model, owner: string): RestoredLease | undefined =>
  leases.find((lease) => lease.owner === owner && !lease.retired);

function check(model: Model, { ipam }: Real): void {
  const sum = { capacity: 0, allocated: 0, free: 0, reserved: 0, quarantined: 0 };
  for (const counts of ipam.status().ranges) {
    const { capacity, allocated, free, reserved, quarantined } = counts;
    expect(allocated + free + reserved + quarantined).toBe(capacity);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
  }
  const count = (retired: boolean): number =>
    model.leases.filter((lease) => lease.retired === retired).flatMap(({ addresses }) => addresses).length;
  expect(sum).toEqual({
    capacity: CAPACITY,
    allocated: count(false),
    quarantined: count(true),
    reserved: CAPACITY - ALL.length,
    free: ALL.length - taken(model).size,
  });
}

/** Both families or neither, always an address that nobody has. */
function allocate(owner: string, families: readonly Family[]): Step {
  return {
    check: () => true,
    toString: () => `allocate(${owner}, ${families.join("+")})`,
    run: async (model, real) => {
      const held = live(model, owner);
      // An owner asks for what it has: the families of a lease do not change.
      const wanted = held === undefined ? families : held.addresses.map(familyOf);
      const room = wanted.every((family) => USABLE[family].some((address) => !taken(model).has(address)));
      const result = await real.ipam.allocate(owner, { families: wanted }).catch((error: unknown) => error);
      const fresh = held === undefined && room;
      const otherwise = held === undefined ? { code: "ERR_IPAM_EXHAUSTED" } : { addresses: held.addresses };
      expect(result).toMatchObject(fresh ? { owner } : otherwise);
      const addresses = fresh ? (result as RestoredLease).addresses : [];
      expect(addresses.map(familyOf)).toEqual(fresh ? [...families].sort((one, other) => one - other) : []);
      expect(addresses.filter((address) => !ALL.includes(address) || taken(model).has(address))).toEqual([]);
      if (fresh) model.leases.push({ owner, pool: "default", addresses, retired: false });
      check(model, real);
    },
  };
}

function allocateExactly(owner: string, address: string): Step {
  return {
    check: (model) => live(model, owner) === undefined,
    toString: () => `allocate(${owner}, ${address})`,
    run: async (model, real) => {
      const options = { families: [familyOf(address)], addresses: [address] };
      const result = await real.ipam.allocate(owner, options).catch((error: unknown) => error);
      const free = !taken(model).has(address);
      expect(result).toMatchObject(free ? { owner, addresses: [address] } : { code: "ERR_IPAM_CONFLICT" });
      if (free) model.leases.push({ owner, pool: "default", addresses: [address], retired: false });
      check(model, real);
    },
  };
}

/** Of any lease, twice: only what its owner says counts. */
function end(act: "retire" | "release", pick: number, impostor: boolean): Step {
  return {
    check: (model) => model.leases.length > 0,
    toString: () => `${act}(#${pick}${impostor ? ", impostor" : ""})`,
    run: async (model, real) => {
      const lease = model.leases[pick % model.leases.length]!;
      const said = impostor ? { ...lease, owner: `${lease.owner}-impostor` } : lease;
      await real.ipam[act](said);
      await real.ipam[act](said);
      if (!impostor) {
        const others = model.leases.filter((other) => other !== lease);
        model.leases = act === "release" ? others : [...others, { ...lease, retired: true }];
      }
      check(model, real);
    },
  };
}

const restart: Step = {
  check: () => true,
  toString: () => "restart",
  run: async (model, real) => {
    await real.ipam[Symbol.asyncDispose]();
    real.ipam = await begin(model.leases);
    check(model, real);
  },
};

async function begin(leases: readonly RestoredLease[]): Promise<Ipam> {
  const context: IpamContext = {
    node: "node1",
    podCIDRs: RANGES,
    families: [4, 6],
    store: memoryStore(),
    prefix: "host-scope/",
    runtime: { ...systemRuntime, random: seededRandom(leases.length) },
  };
  const ipam = hostScope();
  await ipam.start(context);
  await ipam.restore(leases);
  return ipam;
}

describe("host-scope IPAM beside a list of leases", () => {
  it("agrees with it after every step, across restarts", async () => {
    const owner = fc.constantFrom("a", "b", "c", "d", "e", "f");
    const pick = fc.nat({ max: 15 });
    const commands = fc.commands(
      [
        fc
          .tuple(owner, fc.constantFrom<readonly Family[]>([4], [4], [6], [4, 6], [6, 4]))
          .map((of) => allocate(...of)),
        fc.tuple(owner, fc.constantFrom(...ALL)).map((of) => allocateExactly(...of)),
        fc
          .tuple(fc.constantFrom("retire", "release"), pick, fc.boolean())
          .map(([act, at, impostor]) => end(act, at, impostor)),
        fc.constant(restart),
      ],
      { maxCommands: 60 },
    );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        runs++;
        await fc.asyncModelRun(
          async () => ({ model: { leases: [] }, real: { ipam: await begin([]) } }),
          steps,
        );
      }),
      { numRuns: 500 },
    );
    expect(runs).toBe(500);
  });
});
