import assert from "node:assert/strict";
import type { EndpointValue } from "@netloom/core/backend";
import { tcp } from "../support/packets.ts";
import type { Device, Suite } from "./bench.ts";
import { tellEvent } from "./told.ts";
import { A, B, World } from "./world.ts";

const client = `${A}:40000`;
const server = `${B}:80`;

/** Packets that are dropped in different places. */
const drops: readonly (readonly [
  name: string,
  device: Device,
  packet: Uint8Array,
  change?: Partial<EndpointValue>,
])[] = [
  ["the source check", "b", tcp(client, server)],
  ["the sender's policy", "a", tcp(client, server), { egressShape: 0 }],
  ["the receiver's policy", "a", tcp(client, `${B}:81`)],
  ["nobody's address", "a", tcp(client, "10.1.0.99:80")],
];

/** Only for a datapath whose programs have lines: not one of `suites`. */
export const dropLines: Suite = ({ describe, it }, create) =>
  describe("the line of a drop", () => {
    it("is another for each place of a program that drops", async () => {
      await using bench = await create();
      const world = new World(bench);
      const lines = new Map<number, string>();
      for (const [name, device, packet, change] of drops) {
        world.pod("a", change);
        world.pod("b", { ingressShape: 0 });
        const [event] = (await bench.send(packet, { at: "from-container", device })).events;
        assert(event !== undefined, name);
        const { line } = tellEvent(event);
        assert.equal(lines.get(line), undefined, `${name} has the line of ${lines.get(line)}`);
        lines.set(line, name);
      }
    });
  });
