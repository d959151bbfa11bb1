import * as fc from "fast-check";
import { formatIp, type IpFamily } from "../../src/text/ip.ts";
import { formatMac } from "../../src/text/mac.ts";

const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));

const lengthOf = (family: IpFamily): number => (family === 4 ? 4 : 16);

export const family: fc.Arbitrary<IpFamily> = fc.constantFrom(4, 6);

/** Addresses with runs of zeros, which is where IPv6 text has its rules. */
export const ipOf = (version: IpFamily): fc.Arbitrary<string> =>
  fc
    .tuple(bytes(lengthOf(version)), bytes(lengthOf(version)))
    .map(([value, mask]) =>
      formatIp(Buffer.from(value.map((byte, at) => ((mask[at & ~1] ?? 0) < 128 ? byte : 0)))),
    );

/** `10.0.0.1/24`: host bits may be set. */
export const prefixOf = (version: IpFamily): fc.Arbitrary<string> =>
  fc.tuple(ipOf(version), fc.nat(lengthOf(version) * 8)).map(([address, length]) => `${address}/${length}`);

/** `10.0.0.0/24`: host bits are clear. */
export const networkOf = (version: IpFamily): fc.Arbitrary<string> =>
  fc.tuple(bytes(lengthOf(version)), fc.nat(lengthOf(version) * 8)).map(([value, length]) => {
    for (let bit = length; bit < value.length * 8; bit += 1)
      value[bit >> 3] = (value[bit >> 3] ?? 0) & ~(0x80 >> (bit & 7));
    return `${formatIp(value)}/${length}`;
  });

export const mac: fc.Arbitrary<string> = bytes(6).map((value) => formatMac(value));
export const index: fc.Arbitrary<number> = fc.integer({ min: 1, max: 0x7fff_ffff });
export const u32: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffff_ffff });
export const port: fc.Arbitrary<number> = fc.integer({ min: 1, max: 0xffff });
export const name: fc.Arbitrary<string> = fc.stringMatching(/^[a-z][a-z0-9._-]{0,14}$/);

/** A value or undefined. */
export const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
