import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { isSocketError } from "@netloom/sockets";
import { describe, expect, it } from "vitest";
import { RemoteBfd } from "../src/remote.ts";
import type { Order, Report } from "../src/worker-messages.ts";

const PATH = { local: "10.0.0.1", remote: "10.0.0.2" };

/** BFD in a thread that answers each order as told: with a report, or with its own end where there is none. */
function remote(answer: (order: Order) => Report | undefined) {
  const thread = new Worker(
    `const { parentPort } = require("node:worker_threads");
     const answer = ${answer.toString()};
     parentPort.on("message", (order) => {
       const report = answer(order);
       if (report === undefined) process.exit(3);
       else parentPort.postMessage(report);
     });`,
    { eval: true },
  );
  const errors: Error[] = [];
  const bfd = new RemoteBfd({ onError: (error) => errors.push(error) }, thread);
  return { thread, errors, bfd };
}

describe("BFD in a thread of its own", () => {
  it("watches nothing that could not be opened, and may be asked again", async () => {
    const { thread, errors, bfd } = remote((order) => ({
      ...{ kind: "error", id: "id" in order ? order.id : undefined },
      error: { name: "SocketError", message: "no such address", properties: { code: "ERR_NOT_FOUND" } },
    }));
    for (const attempt of [1, 2]) {
      const watch = bfd.watch(PATH, () => undefined);
      expect(bfd.sessions()).toHaveLength(1);
      await once(thread, "message");
      expect(bfd.sessions()).toEqual([]);
      expect(watch.status.state).toBe("down");
      expect(errors).toHaveLength(attempt);
      expect(isSocketError(errors.at(-1), "ERR_NOT_FOUND")).toBe(true);
      watch.close();
    }
    await thread.terminate();
  });

  it("says that its thread has ended, and claims nothing of any path after that", async () => {
    const { thread, errors, bfd } = remote((order) => {
      if (order.kind !== "watch") return undefined;
      const { local, remote: neighbour } = order.options;
      return {
        ...{ kind: "status", id: order.id, changed: true },
        status: {
          ...{ local, remote: neighbour, interface: undefined, state: "up", diagnostic: "none" },
          ...{ remoteState: "up", remoteDiagnostic: "none", discriminator: 1, remoteDiscriminator: 2 },
          ...{ transmissionInterval: 300, detectionTime: 900, sent: 3, received: 3, sendErrors: 0 },
        },
      };
    });
    const watch = bfd.watch(PATH, () => undefined);
    await once(thread, "message");
    expect(watch.status).toMatchObject({ state: "up", detectionTime: 900 });
    watch.setIntervals({ multiplier: 5 });
    await once(thread, "exit");
    expect(errors.map((error) => isSocketError(error, "ERR_CLOSED"))).toEqual([true]);
    expect(errors[0]?.message).toContain("3");
    expect(bfd.sessions()).toEqual([]);
    expect(watch.status).toMatchObject({ state: "down", remoteState: undefined, detectionTime: undefined });
    let refusal: unknown;
    try {
      bfd.watch(PATH, () => undefined);
    } catch (error) {
      refusal = error;
    }
    expect(isSocketError(refusal, "ERR_CLOSED")).toBe(true);
    watch.close();
    bfd.close();
  });

  it("says nothing of an end that it was asked for", async () => {
    const { thread, errors, bfd } = remote(() => undefined);
    bfd.close();
    await once(thread, "exit");
    expect(errors).toEqual([]);
    expect(() => bfd.watch(PATH, () => undefined)).toThrow(TypeError);
  });
});
