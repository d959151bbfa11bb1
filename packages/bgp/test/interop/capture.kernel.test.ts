/** Wireshark looks at a whole session of ours. */
import type { Lab } from "@netloom/lab";
import { whyNoLab } from "@netloom/lab";
import { waitFor } from "@netloom/lab/routers";
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { everything, meet } from "./support/meeting.ts";
import { theyHave, theyLack, weHave } from "./support/tables.ts";

const run = promisify(execFile);
const hasTshark = spawnSync("tshark", ["--version"]).status === 0;
if (!hasTshark) console.warn("SKIPPED: what Wireshark says of our sessions, because tshark is missing");

describe.skipIf(whyNoLab("captured sessions") !== undefined || !hasTshark)("Wireshark", () => {
  it("finds nothing wrong with any message of ours, from OPEN to NOTIFICATION", async () => {
    let capture: Capture | undefined;
    await using meeting = await meet("BIRD", {
      prepare: ({ lab }) => {
        capture = startCapture(lab, "ours");
        return capture.started();
      },
      ours: {
        role: "customer",
        addPath: { send: true, receive: true },
        gracefulRestart: { restartTime: 60, longLived: 600 },
        families: {
          "ipv4-unicast": everything,
          "ipv6-unicast": { ...everything, nextHop: "fd09::1" },
        },
      },
      theirs: {
        role: "provider",
        addPath: { send: true, receive: true },
        gracefulRestart: { restartTime: 60, longLived: 600 },
        // Wireshark 4.0 does not know that messages may be longer than 4096 bytes.
        extendedMessages: false,
        connectRetry: 1,
      },
      announce: [{ prefix: "198.51.100.0/24" }],
    });
    const { speaker, router } = meeting;
    speaker.advertise("many", [
      ...Array.from({ length: 3000 }, (_, index) => ({
        prefix: `10.${index >> 8}.${index & 255}.0/24`,
        med: index % 5,
        communities: ["65001:1", "no-export"],
        largeCommunities: ["65001:2:3"],
        prepend: index % 3,
      })),
      { prefix: "2001:db8:1::/48", communities: ["65001:1"] },
    ]);
    await theyHave(router, "10.11.183.0/24");
    await theyHave(router, "2001:db8:1::/48");
    await weHave(speaker, "198.51.100.0/24");
    speaker.refresh("them", "in");
    await router.softReset("10.9.0.1", "in");
    speaker.advertise("many", [{ prefix: "10.0.0.0/24" }]);
    await theyLack(router, "2001:db8:1::/48");
    await theyHave(router, "10.0.0.0/24", ({ communities }) => communities.length === 0);
    await speaker.close("withdraw", "done");
    await theyLack(router, "10.0.0.0/24");
    // What arrives is written down now and then.
    await waitFor("the last word is written down", async () => {
      return (await capture!.fields("ip.src == 10.9.0.1 && bgp.type == 3", "bgp.type")).length > 0;
    });
    await capture!.stop();
    const said = (await capture!.fields("ip.src == 10.9.0.1 && bgp", "bgp.type")).flatMap((line) =>
      line.split(","),
    );
    expect([...new Set(said)].toSorted()).toEqual(["1", "2", "3", "4", "5"]);
    // Of Wireshark's severities, 8388608 is an error.
    const complaints = "_ws.malformed || _ws.short || _ws.expert.severity == 8388608";
    expect(await capture!.fields(`ip.src == 10.9.0.1 && (${complaints})`, "_ws.expert.message")).toEqual([]);
  });
});

interface Capture {
  started(): Promise<void>;
  stop(): Promise<void>;
  /** A line for each packet that the filter lets through. */
  fields(filter: string, field: string): Promise<string[]>;
}

function startCapture(lab: Lab, name: string): Capture {
  const file = join(lab.directory("capture"), "session.pcapng");
  const child = lab.spawn(name, "tshark", ["-i", "eth0", "-q", "-f", "tcp port 179", "-w", file], {
    stdio: "ignore",
  });
  return {
    started: async () => {
      await waitFor("a capture", () => existsSync(file) && statSync(file).size > 0);
    },
    async stop() {
      const exited = once(child, "exit");
      child.kill("SIGINT");
      await exited;
    },
    async fields(filter, field) {
      const args = ["-r", file, "-Y", filter, "-T", "fields", "-e", field];
      const { stdout } = await run("tshark", args, { maxBuffer: 2 ** 26 });
      return stdout.split("\n").filter((line) => line !== "");
    },
  };
}
