import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KernelRoutes } from "../src/kernel-routes.ts";
import { memoryTable } from "./support/memory-table.ts";

const A = [{ via: "192.0.2.1" }];
const B = [{ via: "192.0.2.2" }];

describe("learned routes", () => {
  it("are written as differences only", async () => {
    const table = memoryTable();
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", A);
    routes.set("10.2.0.0/24", [...A, ...B]);
    expect(await routes.flush()).toEqual([]);
    routes.set("10.1.0.0/24", A);
    routes.set("10.2.0.0/24", [...B, ...A]);
    await routes.flush();
    expect(table.log).toEqual(["add 10.1.0.0/24", "add 10.2.0.0/24"]);
    routes.set("10.1.0.0/24", B);
    routes.set("10.2.0.0/24", []);
    await routes.flush();
    expect(table.log.slice(2)).toEqual(["replace 10.1.0.0/24", "remove 10.2.0.0/24"]);
    expect([...table.routes.values()]).toEqual([{ prefix: "10.1.0.0/24", nextHops: B }]);
  });

  it("that come and go between two flushes are not written at all", async () => {
    const table = memoryTable();
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", A);
    routes.set("10.1.0.0/24", []);
    await routes.flush();
    expect(table.log).toEqual([]);
  });

  it("of an earlier process stay until all has been learned again", async () => {
    const table = memoryTable([
      { prefix: "10.1.0.0/24", nextHops: A },
      { prefix: "10.2.0.0/24", nextHops: A },
      { prefix: "10.3.0.0/24", nextHops: A },
    ]);
    const routes = new KernelRoutes(table);
    expect(await routes.adopt()).toBe(3);
    routes.set("10.1.0.0/24", A);
    routes.set("10.2.0.0/24", B);
    await routes.flush();
    expect(table.log).toEqual(["replace 10.2.0.0/24"]);
    routes.complete();
    await routes.flush();
    expect(table.log.slice(1)).toEqual(["remove 10.3.0.0/24"]);
  });

  it("leave another's route alone, and take its place when it goes", async () => {
    const table = memoryTable();
    table.foreign.add("10.1.0.0/24");
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", A);
    routes.set("10.2.0.0/24", A);
    expect(await routes.flush()).toMatchObject([
      { write: { kind: "add", route: { prefix: "10.1.0.0/24" } } },
    ]);
    expect([...table.routes.keys()]).toEqual(["10.2.0.0/24"]);
    table.foreign.clear();
    expect(await routes.flush()).toEqual([]);
    expect([...table.routes.keys()].sort()).toEqual(["10.1.0.0/24", "10.2.0.0/24"]);
  });

  it("stay as they were where a change is refused, and change when it is not any more", async () => {
    const table = memoryTable();
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", A);
    await routes.flush();
    table.refused.add("10.1.0.0/24");
    routes.set("10.1.0.0/24", B);
    expect(await routes.flush()).toHaveLength(1);
    expect(table.routes.get("10.1.0.0/24")?.nextHops).toEqual(A);
    table.refused.clear();
    expect(await routes.flush()).toEqual([]);
    expect(table.routes.get("10.1.0.0/24")?.nextHops).toEqual(B);
  });

  it("that were refused and are not wanted any more are forgotten", async () => {
    const table = memoryTable();
    table.foreign.add("10.1.0.0/24");
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", A);
    await routes.flush();
    routes.set("10.1.0.0/24", []);
    expect(await routes.flush()).toEqual([]);
    expect(table.log).toEqual(["add 10.1.0.0/24"]);
  });

  it("that were refused and then written within one flush are ours, and go when they are withdrawn", async () => {
    const table = memoryTable();
    const routes = new KernelRoutes({
      ...table,
      write: async (writes) => {
        const refusals = await table.write(writes);
        // The next way to the prefix is told meanwhile, and nothing is in its way.
        if (table.foreign.delete("10.1.0.0/24")) routes.set("10.1.0.0/24", B);
        return refusals;
      },
    });
    table.foreign.add("10.1.0.0/24");
    routes.set("10.1.0.0/24", A);
    expect(await routes.flush()).toEqual([]);
    expect(routes.installed).toBe(1);
    routes.set("10.1.0.0/24", []);
    expect(await routes.flush()).toEqual([]);
    expect(table.routes.size).toBe(0);
  });

  it("that a table has failed to write are written by the next flush", async () => {
    const table = memoryTable();
    let broken = true;
    const routes = new KernelRoutes({
      ...table,
      write: async (writes) => {
        if (broken) throw new Error("no buffer space");
        return table.write(writes);
      },
    });
    routes.set("10.1.0.0/24", A);
    routes.set("10.2.0.0/24", B);
    await expect(routes.flush()).rejects.toThrow("no buffer space");
    broken = false;
    expect(await routes.flush()).toEqual([]);
    expect([...table.routes.keys()]).toEqual(["10.1.0.0/24", "10.2.0.0/24"]);
  });

  it("that a table has written before it failed are found by an audit", async () => {
    const table = memoryTable();
    let broken = true;
    const routes = new KernelRoutes({
      ...table,
      write: async (writes) => {
        const refusals = await table.write(writes);
        if (broken) throw new Error("no buffer space");
        return refusals;
      },
    });
    routes.set("10.1.0.0/24", A);
    routes.set("10.2.0.0/24", A);
    await expect(routes.flush()).rejects.toThrow("no buffer space");
    broken = false;
    routes.set("10.2.0.0/24", []);
    expect(await routes.flush()).toHaveLength(1);
    expect(await routes.audit()).toBe(1);
    expect(await routes.flush()).toEqual([]);
    expect([...table.routes.keys()]).toEqual(["10.1.0.0/24"]);
  });

  it("that the kernel lost with a device are written again after an audit", async () => {
    const table = memoryTable();
    const routes = new KernelRoutes(table);
    routes.set("10.1.0.0/24", A);
    routes.set("10.2.0.0/24", A);
    await routes.flush();
    table.routes.delete("10.1.0.0/24");
    expect(await routes.audit()).toBe(1);
    await routes.flush();
    expect([...table.routes.keys()].sort()).toEqual(["10.1.0.0/24", "10.2.0.0/24"]);
    expect(await routes.audit()).toBe(0);
  });

  it("all go when nothing is wanted", async () => {
    const table = memoryTable([{ prefix: "10.3.0.0/24", nextHops: A }]);
    const routes = new KernelRoutes(table);
    await routes.adopt();
    routes.set("10.1.0.0/24", A);
    await routes.flush();
    routes.clear();
    await routes.flush();
    expect(table.routes.size).toBe(0);
  });

  it("end at what is wanted, whatever came before and whenever it was written", async () => {
    const prefixes = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"];
    const step = fc.record({
      prefix: fc.constantFrom(...prefixes),
      hops: fc.constantFrom([], A, B, [...A, ...B]),
      flush: fc.boolean(),
    });
    const before = fc.subarray(prefixes);
    await fc.assert(
      fc.asyncProperty(before, fc.array(step, { maxLength: 20 }), async (adopted, steps) => {
        const table = memoryTable(adopted.map((prefix) => ({ prefix, nextHops: A })));
        const routes = new KernelRoutes(table);
        await routes.adopt();
        const wanted = new Map<string, unknown>();
        const flushes: Promise<unknown>[] = [];
        for (const { prefix, hops, flush } of steps) {
          routes.set(prefix, hops);
          if (hops.length === 0) wanted.delete(prefix);
          else wanted.set(prefix, { prefix, nextHops: hops });
          if (flush) flushes.push(routes.flush());
        }
        await Promise.all(flushes);
        routes.complete();
        expect(await routes.flush()).toEqual([]);
        expect(new Map(table.routes)).toEqual(wanted);
        expect(routes.installed).toBe(wanted.size);
      }),
    );
  });
});
