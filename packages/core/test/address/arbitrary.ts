import * as fc from "fast-check";

import { isNetloomError } from "../../src/errors.ts";
import { Address, type Cidr, cidrAround, ipv4 } from "../../src/address/index.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
/** Zero words are common in real addresses and are where shortening happens. */
const word = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.constant(0xffff_ffff), u32);

export const v4: fc.Arbitrary<Address> = u32.map(ipv4);
export const v6: fc.Arbitrary<Address> = fc
  .tuple(word, word, word, word)
  .map(([w0, w1, w2, w3]) => new Address(w0, w1, w2, w3))
  .filter((address) => address.family === 6);
export const anyAddress: fc.Arbitrary<Address> = fc.oneof(v4, v6);

export const cidr: fc.Arbitrary<Cidr> = fc.oneof(
  fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => cidrAround(address, prefix)),
  fc.tuple(v6, fc.integer({ min: 0, max: 128 })).map(([address, prefix]) => cidrAround(address, prefix)),
);

/** Prefixes of few bits under 10.0.0.0/16 or fd00::/16, so that random ones overlap often. */
export const crowdedCidr: fc.Arbitrary<Cidr> = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 0xff }), fc.integer({ min: 0, max: 8 }))
  .map(([wide, bits, prefix]) =>
    wide
      ? cidrAround(new Address(0xfd00_0000 + bits * 0x100, 0, 0, 0), 16 + prefix)
      : cidrAround(ipv4(0x0a00_0000 + bits * 0x100), 16 + prefix),
  );

export function toBigInt({ w0, w1, w2, w3 }: Address): bigint {
  return (BigInt(w0) << 96n) | (BigInt(w1) << 64n) | (BigInt(w2) << 32n) | BigInt(w3);
}

/** What `run` returns, or the code it throws. */
export function attempt<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (isNetloomError(error)) return error.code;
    throw error;
  }
}
