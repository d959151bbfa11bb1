import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createSpeaker, tcp } from "@netloom/bgp";
import { expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "..", "main.ts");
const NODE = ["--conditions=@netloom/source", MAIN];

it("tells the router in its own process, and prints what that one tells", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, NODE, { encoding: "utf8" });
  expect(stderr).toBe("");
  for (const line of [
    /^router: open-confirm to established$/m,
    /^0\.0\.0\.0\/0 via 192\.0\.2\.1, path 65000$/m,
    /^router has told all it has$/m,
    /^the router sends 203\.0\.113\.0\/24 to 192\.0\.2\.11$/m,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(status).toBe(0);
});

it("calls a real one at an address, without privileges, and says goodbye", async () => {
  const everything = { statements: [{ action: "accept" }] } as const;
  const families = { "ipv4-unicast": { import: everything, export: everything } };
  const port = 20_000 + (process.pid % 20_000);
  const router = createSpeaker(
    {
      asn: 65_010,
      routerId: "192.0.2.2",
      listen: { addresses: ["127.0.0.2"], port },
      peers: [{ name: "host", remote: { dynamic: "127.0.0.0/8" }, remoteAsn: 65_020, families }],
    },
    { transport: tcp() },
  );
  router.advertise("ours", [{ prefix: "198.51.100.0/24" }]);
  await router.start();
  const changes: string[] = [];
  router.on("best:changed", (all) => {
    for (const { prefix, route } of all) changes.push(`${prefix} ${route === undefined ? "gone" : "there"}`);
  });
  const child = spawn(
    process.execPath,
    [
      ...NODE,
      ...["--router", "127.0.0.2", "--port", String(port), "--router-asn", "65010", "--asn", "65020"],
      ...["--prefix", "192.0.2.128/25", "--seconds", "1"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout.on("data", (text) => (output += String(text)));
  const [status] = (await once(child, "close")) as [number];
  expect(status).toBe(0);
  expect(output).toContain("198.51.100.0/24 via 127.0.0.2, path 65010");
  expect(changes).toEqual(["192.0.2.128/25 there", "192.0.2.128/25 gone"]);
  await router.close("withdraw");
});
