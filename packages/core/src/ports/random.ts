/** Chance, as core sees it: a good generator, or a seeded one in a simulation. Not for secrets. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}
