import { expect, it } from "vitest";
import { Session } from "../../src/session/session.ts";
import { Slices } from "../../src/session/slices.ts";
import { memoryNetwork } from "../../src/transport/memory.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { encodeKeepalive } from "../../src/wire/header.ts";
import { Recorder } from "./support/lab.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

const PAIRS = 250;

it("500 sessions of one process come up against each other, stay, and go", async () => {
  const clock = new VirtualClock();
  const slices = new Slices(clock, clock.turn);
  const network = memoryNetwork({ clock });
  let seed = 1;
  const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const sessions: Session[] = [];
  const add = async (transport: Transport, us: string, them: string): Promise<void> => {
    const session = new Session({
      config: { name: them, remote: { address: them }, remoteAsn: "external" },
      local: { asn: us.startsWith("10.0.") ? 65001 : 65002, routerId: us },
      ...{ transport, clock, random, slices, turn: clock.turn, handler: new Recorder() },
    });
    sessions.push(session);
    await transport.listen({
      address: us,
      port: 179,
      onConnection: (connection) => session.accept(connection),
      onError: () => undefined,
    });
  };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    const addresses = [`10.0.0.${pair}`, `10.1.0.${pair}`] as const;
    const [one, other] = addresses.map((address) => network.transport({ address }));
    await add(one as Transport, ...addresses);
    await add(other as Transport, addresses[1], addresses[0]);
  }
  for (const session of sessions) session.start();
  await clock.advance(2000);
  expect(sessions.map(({ state }) => state)).toEqual(sessions.map(() => "established"));
  expect(sessions.map(({ stats }) => stats.established)).toEqual(sessions.map(() => 1));
  for (const session of sessions) session.send(encodeKeepalive());
  await clock.advance(200_000);
  expect(new Set(sessions.map(({ state }) => state))).toEqual(new Set(["established"]));
  const stopped = Promise.all(sessions.map((session) => session.stop()));
  await clock.advance(3000);
  await stopped;
  expect(new Set(sessions.map(({ state }) => state))).toEqual(new Set(["idle"]));
  expect(clock.pending).toBe(0);
});
