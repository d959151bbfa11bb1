import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import { birdProtocols, birdRoutes, type BirdProtocol } from "./bird-answers.ts";
import { birdConfig } from "./bird-config.ts";
import { converse } from "./control.ts";
import { Daemon } from "./daemon.ts";
import type { Router, RouterAnnouncement, RouterOptions } from "./router.ts";

const TABLES = { "ipv4-unicast": "master4", "ipv6-unicast": "master6" } as const;

/** Starts BIRD 2 in the lab's namespace `name`. */
export async function startBird(lab: Lab, name: string, options: RouterOptions): Promise<Router> {
  const directory = lab.directory(`${name}-bird`);
  const [file, socket] = [join(directory, "bird.conf"), join(directory, "bird.ctl")];
  const announced = new Map<string, RouterAnnouncement>();
  for (const route of options.announce ?? []) announced.set(route.prefix, route);
  const configure = (): void => writeFileSync(file, birdConfig(options, [...announced.values()]));
  const start = (more: readonly string[]): Promise<Daemon> => {
    rmSync(socket, { force: true });
    const args = ["-f", "-c", file, "-s", socket, "-P", join(directory, "bird.pid"), ...more];
    // The socket is there before the configuration has been read.
    const ask = (): Promise<unknown> => askBird(socket, "show status");
    return Daemon.start(lab, { namespace: name, command: "bird", args, directory, socket, ask });
  };
  configure();
  let daemon = await start([]);

  const ask = (...words: string[]): Promise<string> => askBird(socket, words.join(" "));
  const protocols = async (): Promise<BirdProtocol[]> => birdProtocols(await ask("show protocols all"));
  const order = async (neighbour: string, command: string, more = ""): Promise<void> => {
    const found = (await protocols()).filter(({ neighbour: { address } }) => address === neighbour);
    if (found.length === 0) throw new Error(`BIRD has no neighbour ${neighbour}`);
    for (const protocol of found) await ask(`${command} ${protocol.name}${more}`);
  };
  const reconfigure = async (): Promise<void> => {
    configure();
    await ask("configure");
  };

  return {
    kind: "BIRD",
    name,
    get pid() {
      return daemon.pid;
    },
    neighbours: async () => (await protocols()).map(({ neighbour }) => neighbour),
    async routes(family = "ipv4-unicast") {
      return birdRoutes(await ask(`show route all table ${TABLES[family]}`), await protocols());
    },
    async announce(routes) {
      for (const route of routes) announced.set(route.prefix, route);
      await reconfigure();
    },
    async withdraw(prefixes) {
      for (const prefix of prefixes) announced.delete(prefix);
      await reconfigure();
    },
    shutdown: (neighbour, message = "") => order(neighbour, "disable", ` ${JSON.stringify(message)}`),
    enable: (neighbour) => order(neighbour, "enable"),
    softReset: (neighbour, direction) => order(neighbour, `reload ${direction}`),
    reset: (neighbour) => order(neighbour, "restart"),
    kill: () => daemon.kill(),
    async revive() {
      daemon = await start(["-R"]);
    },
    ask,
    log: () => daemon.log(),
    async [Symbol.asyncDispose]() {
      await daemon.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Asks over the control socket: lines of text, without the codes before them. */
export async function askBird(socket: string, command: string): Promise<string> {
  const answer = await converse(socket, [`${command}\n`], endOf, { greets: true });
  const lines = answer.trimEnd().split("\n");
  const [code, text] = [lines.at(-1)!.slice(0, 4), lines.at(-1)!.slice(5)];
  // 8xxx: it did not work; 9xxx: it was not understood. 8001: no such route, which is an answer.
  if (/^[89]/.test(code) && code !== "8001") throw new Error(`BIRD: ${command}: ${text}`);
  if (text === "") lines.pop();
  return lines.map((line) => line.replace(/^(?:\d{4}[- ]| )/, "")).join("\n");
}

/** The last line of an answer has a space behind its code. */
function endOf(received: string): number {
  const last = /^\d{4} .*\n/m.exec(received);
  return last === null ? -1 : last.index + last[0].length;
}
