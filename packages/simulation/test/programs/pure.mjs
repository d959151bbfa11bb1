import { createCluster } from "@netloom/simulation";
import { standard } from "../support/standard.ts";

/**
 * Runs whole clusters in a world without time, chance and outside: whoever reaches for them throws. What the simulator
 * itself needs, it took when it was loaded.
 */
const { stdout } = process;
/** @type {string[]} */
const reached = [];

/** @param {object} owner @param {string} name */
function forbid(owner, name) {
  if (!(name in owner)) return;
  const refuse = () => {
    reached.push(name);
    throw new Error(`${name} was reached for`);
  };
  const thrower = new Proxy(function () {}, { apply: refuse, construct: refuse, get: refuse });
  Object.defineProperty(owner, name, { configurable: true, writable: true, value: thrower });
}

const forbidden = [
  ...["fetch", "WebSocket", "EventSource", "MessageChannel", "BroadcastChannel", "navigator", "crypto"],
  ...["Date", "performance", "setTimeout", "setInterval", "setImmediate", "queueMicrotask"],
  ...["WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics", "process", "Buffer"],
];
// Some are made when they are first looked at, out of others.
for (const name of forbidden) Reflect.get(globalThis, name);
for (const name of forbidden) forbid(globalThis, name);
forbid(Math, "random");
forbid(AbortSignal, "timeout");

let steps = 0;
for (let seed = 0; seed < 10; seed++) {
  const report = await createCluster(standard(seed, { steps: 500, services: true })).run();
  steps += report.steps;
  if (report.violation !== undefined) reached.push(report.violation.message);
}
stdout.write(reached.length === 0 && steps > 5000 ? "pure" : `reached: ${reached.slice(0, 5).join("; ")}`);
