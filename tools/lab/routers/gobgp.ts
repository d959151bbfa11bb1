import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Lab } from "../lab.ts";
import { Daemon } from "./daemon.ts";
import { gobgpNeighbours, gobgpRoutes, lastErrors } from "./gobgp-answers.ts";
import { gobgpConfig } from "./gobgp-config.ts";
import type { Router, RouterAnnouncement, RouterOptions } from "./router.ts";

const run = promisify(execFile);
const FAMILY = { "ipv4-unicast": "ipv4", "ipv6-unicast": "ipv6" } as const;

/** Starts gobgpd in the lab's namespace `name`. Its API is on a socket of the file system, which no namespace bounds. */
export async function startGobgp(lab: Lab, name: string, options: RouterOptions): Promise<Router> {
  const directory = lab.directory(`${name}-gobgp`);
  const [file, socket] = [join(directory, "gobgpd.toml"), join(directory, "gobgp.sock")];
  writeFileSync(file, gobgpConfig(options));
  const announced = new Map<string, RouterAnnouncement>();
  const ask = async (...words: string[]): Promise<string> => {
    const { stdout } = await run("gobgp", ["--target", `unix://${socket}`, ...words], { maxBuffer: 2 ** 28 });
    return stdout;
  };
  const start = (more: readonly string[]): Promise<Daemon> => {
    rmSync(socket, { force: true });
    const quiet = ["--pprof-disable", "-p", "-l", options.quiet === true ? "error" : "debug"];
    const args = ["-f", file, "--api-hosts", `unix://${socket}`, ...quiet, ...more];
    return Daemon.start(lab, {
      namespace: name,
      command: "gobgpd",
      args,
      directory,
      socket,
      ask: () => ask("global"),
    });
  };
  let daemon = await start([]);

  const tell = async (routes: readonly RouterAnnouncement[]): Promise<void> => {
    for (const route of routes) {
      announced.set(route.prefix, route);
      await ask("global", "rib", "add", "-a", family(route.prefix), ...attributes(route));
    }
  };
  await tell(options.announce ?? []);

  return {
    kind: "GoBGP",
    name,
    get pid() {
      return daemon.pid;
    },
    neighbours: async () => gobgpNeighbours(await ask("neighbor", "-j"), lastErrors(daemon.log())),
    async routes(of = "ipv4-unicast") {
      return gobgpRoutes(await ask("global", "rib", "-a", FAMILY[of], "-j"));
    },
    announce: tell,
    async withdraw(prefixes) {
      for (const prefix of prefixes) {
        announced.delete(prefix);
        await ask("global", "rib", "del", "-a", family(prefix), prefix);
      }
    },
    async shutdown(neighbour, message) {
      // Of the two only the first sends the message, and only the second lasts.
      if (message !== undefined) await ask("neighbor", neighbour, "shutdown", "--reason", message);
      await ask("neighbor", neighbour, "disable");
    },
    async enable(neighbour) {
      await ask("neighbor", neighbour, "enable");
    },
    async softReset(neighbour, direction) {
      await ask("neighbor", neighbour, direction === "in" ? "softresetin" : "softresetout");
    },
    async reset(neighbour) {
      await ask("neighbor", neighbour, "reset");
    },
    kill: () => daemon.kill(),
    async revive() {
      daemon = await start(["-r"]);
      await tell([...announced.values()]);
    },
    ask,
    log: () => daemon.log(),
    async [Symbol.asyncDispose]() {
      await daemon.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function family(prefix: string): string {
  return prefix.includes(":") ? "ipv6" : "ipv4";
}

function attributes(route: RouterAnnouncement): string[] {
  const { prefix, communities = [], largeCommunities = [], asPath = [] } = route;
  return [
    prefix,
    ...["nexthop", route.nextHop ?? (prefix.includes(":") ? "::" : "0.0.0.0")],
    ...["origin", "igp"],
    ...(route.med === undefined ? [] : ["med", String(route.med)]),
    ...(communities.length === 0 ? [] : ["community", communities.join(",")]),
    ...(largeCommunities.length === 0 ? [] : ["large-community", largeCommunities.join(",")]),
    ...(asPath.length === 0 ? [] : ["aspath", asPath.join(" ")]),
  ];
}
