import { parseAddress } from "@netloom/core";
import { hostOf, portOf, type End } from "../support/packets.ts";

/** murmur3-32 of a flow as the datapath reads it: big-endian fields, taken as little-endian numbers. */
export function flowHash(from: End, to: End, protocol: number): number {
  let hash = mix(protocol, swap32(parseAddress(hostOf(from)).w3));
  hash = mix(hash, swap32(parseAddress(hostOf(to)).w3));
  hash = mix(hash, (swap16(portOf(from)) << 16) | swap16(portOf(to)));
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mix(hash: number, word: number): number {
  const scrambled = rotate(Math.imul(word, 0xcc9e2d51), 15);
  return (Math.imul(rotate(hash ^ Math.imul(scrambled, 0x1b873593), 13), 5) + 0xe6546b64) | 0;
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));
const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >>> 8);
const swap32 = (value: number): number => ((swap16(value & 0xffff) << 16) | swap16(value >>> 16)) >>> 0;
