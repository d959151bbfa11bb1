import * as fc from "fast-check";
import { type ControlPacket, DIAGNOSTICS, STATES } from "../../src/wire.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const discriminator = fc.integer({ min: 1, max: 0xffff_ffff });

/** Packets that an honest peer may send. */
export const controlPacket: fc.Arbitrary<ControlPacket> = fc
  .record({
    diagnostic: fc.constantFrom(...DIAGNOSTICS),
    state: fc.constantFrom(...STATES),
    poll: fc.boolean(),
    final: fc.boolean(),
    controlPlaneIndependent: fc.boolean(),
    demand: fc.boolean(),
    detectMultiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: discriminator,
    yourDiscriminator: u32,
    desiredMinTransmit: u32,
    requiredMinReceive: u32,
    requiredMinEcho: u32,
  })
  .filter(({ state, yourDiscriminator }) => yourDiscriminator !== 0 || state.endsWith("down"));
