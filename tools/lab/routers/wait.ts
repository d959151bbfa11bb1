import { setTimeout as sleep } from "node:timers/promises";

const TAIL = 30;

/**
 * Asks until the answer is something, and gives it back; not `undefined`, not `false`.
 *
 * @param options - `within`: milliseconds, 30 seconds by default; `routers`: whose logs tell why it never was.
 * @throws when time is up, with what was last answered, or thrown, and the ends of the logs.
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  {
    within = 30_000,
    routers = [],
  }: {
    readonly within?: number;
    readonly routers?: readonly { readonly name: string; readonly kind: string; log(): string }[];
  } = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + within;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
      last = answer;
    } catch (error) {
      last = error;
    }
    await sleep(20);
  } while (performance.now() < deadline);
  const logs = routers.map((router) => `── ${router.kind} (${router.name})\n${tail(router.log())}`);
  throw new Error([`waited in vain for: ${what}`, ...logs].join("\n"), { cause: last });
}

function tail(log: string): string {
  return log.trimEnd().split("\n").slice(-TAIL).join("\n");
}
