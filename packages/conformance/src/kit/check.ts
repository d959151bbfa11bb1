import type { Runner } from "./runner.ts";

/** What a kit says of one of its checks. */
export interface CheckInfo {
  /** Stable: `ipam/exhaustion`. Part of the test's title. */
  readonly id: string;
  /** What a right backend does, with the backend as its subject. */
  readonly sentence: string;
  /** The check is skipped where the backend does not declare this. */
  readonly needs?: string;
}

/** A check, and how it is done in a world: the backend and what stands around it. */
export interface Check<World> extends CheckInfo {
  readonly run: (world: World) => Promise<void>;
}

export interface Kit<World> {
  /** What is tested, e.g. `an IPAM`. */
  readonly title: string;
  readonly checks: readonly Check<World>[];
  /** Whether the backend declares what a check needs. */
  readonly has: (capability: string) => boolean;
  /** A new world for each check; its end is the check's. */
  readonly open: () => Promise<World & AsyncDisposable>;
}

/** Registers every check as a test of its own. */
export function register<World>({ describe, it }: Runner, kit: Kit<World>): void {
  describe(kit.title, () => {
    for (const { id, sentence, needs, run } of kit.checks) {
      const title = `${sentence} [${id}]`;
      if (needs === undefined || kit.has(needs)) {
        it(title, async () => {
          await using world = await kit.open();
          await run(world);
        });
      } else {
        const skipped = `${title} (skipped: the backend does not declare ${needs})`;
        (it.skip ?? it)(skipped, async () => {});
      }
    }
  });
}

/** What is told of checks to those who only want to know which there are. */
export function infoOf(checks: readonly CheckInfo[]): readonly CheckInfo[] {
  return checks.map(({ id, sentence, needs }) => ({
    id,
    sentence,
    ...(needs === undefined ? {} : { needs }),
  }));
}
