/*
 * The controller's own unit tests. Each starts a cluster of two nodes, sends real packets through it, and takes some tens
 * of milliseconds: no root, no kernel, no waiting.
 */
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { INTERVAL, reconcile, run, type Surroundings } from "../controller.ts";
import type { Tenant } from "../tenants.ts";
import { Testbed } from "./testbed.ts";
import "./to-reach.ts";

const HOUR = 3_600_000;

describe("tenants", () => {
  let bed: Testbed;
  let tenants: Tenant[];
  let app: Surroundings;

  // Two tenants with a pod on either node, and the registry that they share.
  beforeEach(async () => {
    bed = await Testbed.start();
    for (const tenant of ["acme", "globex"]) {
      await bed.pod(`${tenant}/web`, `tenant=${tenant}`);
      await bed.pod(`${tenant}/db`, `tenant=${tenant}`);
    }
    await bed.pod("shared/registry", "app=registry");
    tenants = [{ name: "acme" }, { name: "globex" }];
    const onError = (error: unknown): void => expect.fail(String(error));
    app = { cluster: bed.cluster, clock: bed.clock, tenants: async () => tenants, onError };
    await bed.cluster.settled(await reconcile(app));
  });
  afterEach(() => bed[Symbol.asyncDispose]());

  const began = performance.now();
  afterAll(() => console.log(`six clusters, ${Math.round(performance.now() - began)} ms`));

  it("reach their own pods, and not each other's", async () => {
    await expect(bed.from("acme/web")).toReach("acme/db:8080");
    await expect(bed.from("globex/db")).toReach("globex/web:8080");
    await expect(bed.from("acme/web")).not.toReach("globex/db:8080");
    await expect(bed.from("globex/web")).not.toReach("acme/web:8080");
  });

  it("share the registry, which cannot reach them", async () => {
    expect(await bed.from("acme/web").connect("10.96.0.10:80")).toBe("shared/registry");
    expect(await bed.from("globex/web").connect("10.96.0.10:80")).toBe("shared/registry");
    await expect(bed.from("shared/registry")).not.toReach("acme/web:8080");
  });

  it("are closed until they are known", async () => {
    await bed.pod("initech/web", "tenant=initech");
    await bed.pod("initech/db", "tenant=initech");
    await expect(bed.from("initech/web")).not.toReach("initech/db:8080");
    tenants.push({ name: "initech" });
    await bed.cluster.settled(await reconcile(app));
    await expect(bed.from("initech/web")).toReach("initech/db:8080");
  });

  it("have guests for as long as they are invited, and no longer", async () => {
    tenants[1] = { name: "globex", guests: [{ tenant: "acme", until: bed.clock.now() + HOUR }] };
    await bed.cluster.settled(await reconcile(app));
    await expect(bed.from("acme/web")).toReach("globex/db:8080");
    await expect(bed.from("globex/db")).not.toReach("acme/web:8080");
    await bed.clock.advance(HOUR);
    await bed.cluster.settled(await reconcile(app));
    await expect(bed.from("acme/web")).not.toReach("globex/db:8080");
  });

  it("stay apart although somebody deletes policies: they are back within half a minute", async () => {
    const stop = new AbortController();
    const running = run(app, stop.signal);
    for (const { name } of await bed.cluster.policies.list()) {
      await bed.cluster.settled((await bed.cluster.policies.remove(name))!);
    }
    await expect(bed.from("acme/web")).toReach("globex/db:8080");
    await bed.clock.advance(INTERVAL);
    const answer = (): Promise<string | undefined> => bed.from("acme/web").connect("globex/db:8080");
    await expect.poll(answer, { interval: 1 }).toBeUndefined();
    stop.abort();
    await running;
  });

  it("are told apart by tests that say why they fail", async () => {
    // A wrong expectation. The message has every look-up on the way, and the policies that denied it.
    const wrong = expect(bed.from("acme/web")).toReach("globex/db:8080");
    await expect(wrong).rejects.toThrow(/denied by default \(.*policies tenants\/of-globex at revision \d+/);
  });
});
