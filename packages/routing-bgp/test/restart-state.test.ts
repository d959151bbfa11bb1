import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { bootId, RestartState, stateFile } from "../src/restart-state.ts";
import { statusOf } from "./support/fake-speaker.ts";
import { memoryFile } from "./support/memory-file.ts";

const up = statusOf("tor", {
  state: "established",
  capabilities: ["graceful-restart"],
  families: [{ family: "ipv4-unicast", received: 0, accepted: 0, advertised: 0, stale: 0, endOfRib: false }],
});

describe("a start of the speaker", () => {
  it("is no restart when it is the first", async () => {
    expect(await new RestartState(memoryFile(), "boot").isRestart()).toBe(false);
  });

  it("is a restart when sessions were up that peers keep the routes of, also after a failure of one", async () => {
    const file = memoryFile();
    const before = new RestartState(file, "boot");
    await before.heard(up);
    await before.heard({ ...up, state: "idle" });
    expect(await new RestartState(file, "boot").isRestart()).toBe(true);
  });

  it("is none when the machine has started anew: nothing was forwarded meanwhile", async () => {
    const file = memoryFile();
    await new RestartState(file, "one").heard(up);
    expect(await new RestartState(file, "two").isRestart()).toBe(false);
  });

  it("is none when the peers know no graceful restart, or were told to forget", async () => {
    const file = memoryFile();
    await new RestartState(file, "boot").heard({ ...up, capabilities: [] });
    expect(await new RestartState(file, "boot").isRestart()).toBe(false);
    const told = new RestartState(file, "boot");
    await told.heard(up);
    await told.forget("tor");
    expect(await new RestartState(file, "boot").isRestart()).toBe(false);
  });

  it.each([["{"], ["null"], ["[]"], ['{"version":2}'], [""]])("is none after rubbish: %s", async (text) => {
    expect(await new RestartState(memoryFile(text), "boot").isRestart()).toBe(false);
  });

  it("writes nothing where nothing has changed", async () => {
    const file = memoryFile();
    const state = new RestartState(file, "boot");
    await state.heard(up);
    await state.heard({ ...up, messages: { received: 9, sent: 9 } });
    expect(file.writes).toBe(1);
  });
});

describe("a state file", () => {
  it("is written whole, for nobody else to read, and read again", async () => {
    const directory = await mkdtemp(join(tmpdir(), "netloom-bgp-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = stateFile(join(directory, "state"), "main");
    expect(await file.read()).toBeUndefined();
    await file.write("one");
    await file.write("two");
    expect(await file.read()).toBe("two");
    expect(await readdir(join(directory, "state"))).toEqual(["main.json"]);
    expect((await stat(join(directory, "state", "main.json"))).mode & 0o777).toBe(0o600);
  });

  it("that cannot be written leaves nothing behind", async () => {
    const directory = await mkdtemp(join(tmpdir(), "netloom-bgp-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await mkdir(join(directory, "main.json"));
    await expect(stateFile(directory, "main").write("one")).rejects.toThrow("EISDIR");
    expect(await readdir(directory)).toEqual(["main.json"]);
  });

  it("knows one start of the machine from another where the kernel tells", async () => {
    expect(await bootId()).toBe(await bootId());
  });
});
