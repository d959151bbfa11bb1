/**
 * BFD in a thread of its own: what `createBfd({ worker: true })` starts. In any other thread it does nothing by itself.
 *
 * @packageDocumentation
 */
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { createBfd } from "./bfd.ts";
import type { Watch } from "./types.ts";
import { type Order, plainError, type Report } from "./worker-messages.ts";

/** Counters and agreed intervals change without a change of state. */
const REFRESH = 1000;

if (parentPort !== null) serve(parentPort, (workerData as { readonly netns: string | undefined }).netns);

/** Does what comes through the port, until it is told to end. */
export function serve(port: MessagePort, netns: string | undefined): void {
  const watches = new Map<number, Watch>();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  const report = (message: Report): void => port.postMessage(message);
  const fail = (id: number | undefined, error: unknown): void =>
    report({ kind: "error", id, error: plainError(error) });

  const bfd = createBfd({
    ...(netns === undefined ? {} : { netns }),
    onError: (error) => fail(undefined, error),
  });

  const refresh = setInterval(() => {
    for (const [id, { status }] of watches) report({ kind: "status", id, status, changed: false });
    report({ kind: "discarded", counts: bfd.discarded });
  }, REFRESH);

  port.on("message", (order: Order) => {
    switch (order.kind) {
      case "watch": {
        const { id, options } = order;
        try {
          const watch = bfd.watch(options, (_state, _diagnostic, status) =>
            report({ kind: "status", id, status, changed: true }),
          );
          watches.set(id, watch);
          report({ kind: "status", id, status: watch.status, changed: false });
        } catch (error) {
          fail(id, error);
        }
        break;
      }
      case "set":
        watches.get(order.id)?.setIntervals(order.intervals);
        break;
      case "close":
        watches.get(order.id)?.close();
        watches.delete(order.id);
        break;
      case "end":
        bfd.close();
        clearInterval(refresh);
        port.close();
    }
  });
}
