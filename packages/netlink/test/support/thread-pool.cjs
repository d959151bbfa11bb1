// Reproduces the trap of the thread pool, in CommonJS: there nothing has used the pool before the first line runs.
// Prints the namespaces of all threads, once with the package's precaution and once, in a child, without it.
const { spawnSync } = require("node:child_process");
const { closeSync, openSync, readdirSync, readlinkSync, stat } = require("node:fs");

const threads = () =>
  readdirSync("/proc/self/task").map((id) => readlinkSync(`/proc/self/task/${id}/ns/net`));

if (process.argv[2] === "control") {
  const koffi = require("koffi");
  const library = koffi.load(null);
  const setns = library.func("int setns(int, int)");
  const unshare = library.func("int unshare(int)");
  const home = openSync("/proc/thread-self/ns/net", "r");
  unshare(0x40000000);
  stat("/", () => console.log(JSON.stringify(threads())));
  setns(home, 0x40000000);
  closeSync(home);
} else {
  const { Netns } = require("../../src/index.ts");
  const home = threads();
  const netns = Netns.createAnonymous();
  netns.run(() => {
    stat("/", () => {
      const control = JSON.parse(
        spawnSync(process.execPath, [__filename, "control"], { encoding: "utf8" }).stdout,
      );
      console.log(JSON.stringify({ home, threads: threads(), control }));
      netns.close();
    });
  });
}
