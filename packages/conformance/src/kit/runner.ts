/** What a kit needs of a test runner: those of Vitest, Jest, Mocha, Bun and `node:test` fit as they are. */
export interface Runner {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly it: RunnerIt;
}

export interface RunnerIt {
  (title: string, body: () => Promise<void>): unknown;
  /** Without it, what is skipped shows as a test that passes and says so in its title. */
  readonly skip?: (title: string, body: () => Promise<void>) => unknown;
}
