// Drops a namespace without closing it and waits for the garbage collector to find out.
import { readdirSync } from "node:fs";
import { Netns } from "../../src/index.ts";

Netns.home.run(() => undefined);
const before = readdirSync("/proc/self/fd").length;
Netns.createAnonymous();
for (let turn = 0; turn < 100 && readdirSync("/proc/self/fd").length > before; turn += 1) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  globalThis.gc();
}
console.log(readdirSync("/proc/self/fd").length === before ? "closed" : "open");
