import { BLOCK_SIZE, RESERVED_ADDRESSES } from "./sizes.ts";

/** Blocks of a subnet that can be whole at all: not the first nor the last, of which the cloud keeps addresses. */
export function wholeAtMost(size: number): number {
  return Math.max(0, size / BLOCK_SIZE - 2);
}

/**
 * The chance that one block is whole, where `taken` of the subnet's `n` usable addresses are taken at random: all 16 of its
 * addresses are among the free ones, C(n − 16, taken) ÷ C(n, taken) = ∏ (1 − taken ÷ (n − i)), i from 0 to 15.
 */
export function chanceOfWhole(size: number, taken: number): number {
  const usable = size - RESERVED_ADDRESSES;
  let chance = 1;
  for (let index = 0; index < BLOCK_SIZE; index++)
    chance *= Math.max(0, 1 - taken / Math.max(1, usable - index));
  return chance;
}

/** How many whole blocks are to be expected. */
export function expectedWhole(size: number, taken: number): number {
  return wholeAtMost(size) * chanceOfWhole(size, taken);
}

/**
 * The chance of at least `wanted` whole blocks, as if they were independent of each other: binomial. They are so nearly,
 * where the subnet is much larger than a block.
 */
export function chanceOfAtLeast(size: number, taken: number, wanted: number): number {
  const [blocks, chance] = [wholeAtMost(size), chanceOfWhole(size, taken)];
  if (wanted <= 0) return 1;
  if (wanted > blocks || chance === 0) return 0;
  if (chance === 1) return 1;
  // By logarithms: the terms are too small for floating point otherwise.
  const odds = Math.log(chance) - Math.log1p(-chance);
  let term = blocks * Math.log1p(-chance);
  let fewer = Math.exp(term);
  for (let count = 1; count < wanted; count++) {
    term += Math.log((blocks - count + 1) / count) + odds;
    fewer += Math.exp(term);
  }
  return Math.min(1, Math.max(0, 1 - fewer));
}
