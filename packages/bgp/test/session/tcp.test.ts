import { expect, it } from "vitest";
import { Session } from "../../src/session/session.ts";
import { tcp } from "../../src/transport/tcp.ts";
import type { Listener } from "../../src/transport/transport.ts";
import { Recorder } from "./support/lab.ts";

/** Tells when its session is up, and when it is down. */
class Waiting extends Recorder {
  readonly isUp: Promise<void>;
  readonly isDown: Promise<void>;
  #up: () => void = () => undefined;
  #down: () => void = () => undefined;

  constructor() {
    super();
    this.isUp = new Promise((resolve) => (this.#up = resolve));
    this.isDown = new Promise((resolve) => (this.#down = resolve));
  }
  override established(...parameters: Parameters<Recorder["established"]>): void {
    super.established(...parameters);
    this.#up();
  }
  override down(...parameters: Parameters<Recorder["down"]>): void {
    super.down(...parameters);
    this.#down();
  }
}

it("two sessions meet over TCP, and the last word of one reaches the other", async () => {
  const transport = tcp();
  const sides: { session: Session; told: Waiting; listener: Listener }[] = [];
  const ports: number[] = [];
  for (const [index, asn] of [65001, 65002].entries()) {
    const told = new Waiting();
    const session: Session = new Session({
      config: { name: "peer", remote: { address: "127.0.0.1" }, remoteAsn: "external" },
      local: { asn, routerId: `10.0.0.${index + 1}` },
      // Both listen before either of them calls.
      resolve: () => ({ address: "127.0.0.1", port: ports[1 - index] ?? 1 }),
      transport,
      handler: told,
    });
    const listener = await transport.listen({
      address: "127.0.0.1",
      port: 0,
      onConnection: (connection) => session.accept(connection),
      onError: (error) => {
        throw error;
      },
    });
    ports.push(listener.port);
    sides.push({ session, told, listener });
  }
  try {
    for (const { session } of sides) session.start();
    await Promise.all(sides.map(({ told }) => told.isUp));
    expect(sides.map(({ session }) => session.state)).toEqual(["established", "established"]);
    await sides[0]?.session.stop({ subcode: 2, message: "maintenance" });
    await sides[1]?.told.isDown;
    expect(sides[1]?.session.lastError?.error.message).toContain("maintenance");
  } finally {
    for (const { session, listener } of sides) {
      await session.stop();
      await listener.close();
    }
  }
});
