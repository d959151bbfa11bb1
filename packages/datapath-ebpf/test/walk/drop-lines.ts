import assert from "node:assert/strict";
import { EventLevel, type EndpointValue } from "@netloom/core/backend";
import { tcp } from "../support/packets.ts";
import type { Device, Passage, Suite } from "./bench.ts";
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

const unreadable = tcp(client, server).slice(0, 14 + 20 + 8);
const files: readonly (readonly [Passage, string])[] = [
  [{ at: "from-container", device: "a" }, "from-container-c"],
  [{ at: "to-container", device: "b" }, "to-container-c"],
  [{ at: "from-overlay", device: "overlay" }, "from-overlay-c"],
  [{ at: "to-netdev", device: "uplink" }, "to-netdev-c"],
];

/** Only for a datapath whose programs have lines: not one of `suites`. */
export const dropLines: Suite = ({ describe, it }, create) =>
  describe("the place of a drop", () => {
    it("is a file by its name", async () => {
      await using bench = await create();
      new World(bench).maps.settings.set(0, { events: EventLevel.EVENTS_DROPS });
      for (const [passage, file] of files) {
        const [event] = (await bench.send(unreadable, passage)).events;
        assert.equal(event && tellEvent(event).file, file);
      }
    });

    it("is another line for each place of a program that drops", async () => {
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
