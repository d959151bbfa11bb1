import { expect } from "vitest";
import type { Viewpoint } from "./testbed.ts";

/*
 * `await expect(bed.from("acme/web")).toReach("acme/db:8080")`: connects, and where that does not end as expected, the
 * message has the packet's way and the policy that decided.
 */
expect.extend({
  async toReach(from: Viewpoint, to: string) {
    const pass = (await from.connect(to)) !== undefined;
    const said = pass ? "reaches" : "does not reach";
    return { pass, message: () => `${from.pod} ${said} ${to}\n${from.explain(to)}` };
  },
});

declare module "vitest" {
  // oxlint-disable-next-line no-unused-vars -- merged with the runner's own, which has both
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    toReach(to: string): Promise<void>;
  }
}
