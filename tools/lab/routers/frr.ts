import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import { converse } from "./control.ts";
import { Daemon } from "./daemon.ts";
import { frrNeighbours, frrPrefixes, frrRoutes } from "./frr-answers.ts";
import { familyOf, frrConfig, mapName, network, routeMap } from "./frr-config.ts";
import type { Router, RouterAnnouncement, RouterOptions } from "./router.ts";

const DAEMONS = "/usr/lib/frr";

/** Starts FRR's zebra, bfdd and bgpd in the lab's namespace `name`. */
export async function startFrr(lab: Lab, name: string, options: RouterOptions): Promise<Router> {
  const directory = lab.directory(`${name}-frr`);
  const { announce = [], ...rest } = options;
  const announced = new Map(announce.map((route) => [route.prefix, route] as const));
  const [empty, file] = [join(directory, "empty.conf"), join(directory, "bgpd.conf")];
  const configure = (): void =>
    writeFileSync(file, frrConfig({ ...rest, announce: [...announced.values()] }), { mode: 0o644 });
  writeFileSync(empty, "", { mode: 0o644 });
  configure();
  // The daemons run as frr: they give up root, and with it what root alone may write.
  execFileSync("chown", ["-R", "frr:frr", directory]);
  chmodSync(directory, 0o755);
  const start = (program: string, config: string, more: readonly string[] = []): Promise<Daemon> => {
    const socket = join(directory, `${program}.vty`);
    rmSync(socket, { force: true });
    const log = ["--log", "stdout", "--log-level", options.quiet === true ? "warnings" : "debugging"];
    const paths = [
      "-f",
      config,
      "-i",
      join(directory, `${program}.pid`),
      "--vty_socket",
      directory,
      "-P",
      "0",
    ];
    const args = [...paths, "-z", join(directory, "zserv.api"), ...log, ...more];
    return Daemon.start(lab, { namespace: name, command: join(DAEMONS, program), args, directory, socket });
  };
  const kernel = options.kernel === true;
  const bgpd = (): Promise<Daemon> => start("bgpd", file, kernel ? [] : ["-n"]);
  const others: Daemon[] = [await start("zebra", empty, ["-s", "1048576"])];
  others.push(await start("bfdd", empty, ["--bfdctl", join(directory, "bfdd.sock")]));
  let daemon = await bgpd();

  const vty = (...commands: string[]): Promise<string> => askFrr(join(directory, "bgpd.vty"), commands);
  const change = (...commands: string[]): Promise<string> => vty("configure terminal", ...commands);
  const inRouter = (...commands: string[]): Promise<string> =>
    change(`router bgp ${options.asn}`, ...commands);

  return {
    kind: "FRR",
    name,
    get pid() {
      return daemon.pid;
    },
    neighbours: async () => frrNeighbours(await vty("show bgp neighbors json")),
    async routes(family = "ipv4-unicast") {
      const show = `show bgp ${family.replace("-", " ")}`;
      const prefixes = frrPrefixes(await vty(`${show} json`));
      const answers = prefixes.map(async (prefix) => frrRoutes(prefix, await vty(`${show} ${prefix} json`)));
      return (await Promise.all(answers)).flat();
    },
    async announce(routes) {
      for (const route of routes) {
        announced.set(route.prefix, route);
        await change(`no route-map ${mapName(route.prefix)}`).catch(() => "there was none");
        await change(...routeMap(route));
        await inRouter(...inFamily(route, network(route)));
      }
      configure();
    },
    async withdraw(prefixes) {
      for (const prefix of prefixes) {
        const route = announced.get(prefix);
        if (route === undefined) throw new Error(`FRR does not announce ${prefix}`);
        announced.delete(prefix);
        await inRouter(...inFamily(route, `no ${network(route)}`));
      }
      configure();
    },
    async shutdown(neighbour, message) {
      await inRouter(`neighbor ${neighbour} shutdown${message === undefined ? "" : ` message ${message}`}`);
    },
    async enable(neighbour) {
      await inRouter(`no neighbor ${neighbour} shutdown`);
    },
    async softReset(neighbour, direction) {
      await vty(`clear bgp ${neighbour} soft ${direction}`);
    },
    async reset(neighbour) {
      await vty(`clear bgp ${neighbour}`);
    },
    kill: () => daemon.kill(),
    async revive() {
      // What it was told while it was dead.
      configure();
      daemon = await bgpd();
    },
    ask: vty,
    log: () => daemon.log(),
    async [Symbol.asyncDispose]() {
      for (const each of [daemon, ...others.toReversed()]) await each.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function inFamily({ prefix }: RouterAnnouncement, line: string): string[] {
  return [`address-family ${familyOf(prefix).replace("-", " ")}`, line];
}

/**
 * Asks a daemon by the socket that vtysh uses: vtysh itself takes 20 ms to start. Each command may enter a mode for the
 * next.
 *
 * @returns the answer to the last.
 */
export function askFrr(socket: string, commands: readonly string[]): Promise<string> {
  const requests = ["enable", ...commands].map((command) => `${command}\0`);
  let index = 0;
  return converse(socket, requests, (received) => {
    const end = received.indexOf("\0\0\0");
    if (end < 0 || received.length < end + 4) return -1;
    const code = received.charCodeAt(end + 3);
    const command = requests[index]!.slice(0, -1);
    index += 1;
    if (code !== 0 && code !== 8)
      throw new Error(`FRR: ${command}: ${received.slice(0, end).trim()} (${code})`);
    return end + 4;
  }).then((answer) => answer.slice(0, answer.indexOf("\0\0\0")));
}
