// Takes away the way home while inside another namespace. Must not live to write "outside".
import { closeSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { Netns } from "../../src/index.ts";

const { id } = Netns.home;
using netns = Netns.createAnonymous();
netns.run(() => {
  for (const fd of readdirSync("/proc/self/fd").map(Number)) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) === id) closeSync(fd);
    } catch {
      // The descriptor of the directory listing itself.
    }
  }
  writeSync(1, "inside\n");
});
writeSync(1, "outside\n");
