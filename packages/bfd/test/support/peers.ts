import { execFile, execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Lab } from "@netloom/lab";
import { pathOf } from "./installed.ts";

const run = promisify(execFile);

/** What a peer thinks of a session, in our words. */
export interface PeerView {
  readonly state: string;
  /** Milliseconds of silence until the peer takes us for dead. */
  readonly detectionTime: number;
}

/** A router that others have written, in a namespace of its own. It ends with the lab. */
export interface Peer {
  /** Of its session with `remote`; undefined while there is none. */
  view(remote: string): Promise<PeerView | undefined>;
  /** Ends its sessions by an administrator's will. */
  shutdown(remote: string): Promise<void>;
}

export interface PeerOptions {
  /** The namespace. */
  readonly name: string;
  readonly sessions: readonly { readonly local: string; readonly remote: string }[];
  readonly interval: number;
  readonly multiplier: number;
}

export type StartPeer = (lab: Lab, options: PeerOptions) => Promise<Peer>;

export async function startBird(
  lab: Lab,
  { name, sessions, interval, multiplier }: PeerOptions,
): Promise<Peer> {
  const directory = lab.directory(`${name}-bird-bfd`);
  const [file, socket] = [join(directory, "bird.conf"), join(directory, "bird.ctl")];
  const bare = (address: string): string => address.replace(/%.*/, "");
  const neighbours = sessions.map(
    ({ local, remote }) => `neighbor ${bare(remote)} dev "eth0" local ${bare(local)};`,
  );
  writeFileSync(
    file,
    `router id 10.9.0.2;
    protocol device {}
    protocol bfd peers {
      interface "eth0" { interval ${interval} ms; idle tx interval 1000 ms; multiplier ${multiplier}; };
      ${neighbours.join("\n")}
    }`,
  );
  lab.spawn(name, pathOf("bird") ?? "bird", ["-f", "-c", file, "-s", socket, "-P", join(directory, "pid")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ask = async (...command: string[]): Promise<string> =>
    (await run(pathOf("birdc") ?? "birdc", ["-s", socket, ...command])).stdout;
  await answers(() => ask("show", "status"));
  return {
    async view(remote) {
      const lines = (await ask("show", "bfd", "sessions"))
        .split("\n")
        .map((line) => line.trim().split(/\s+/));
      const found = lines.find(([address]) => address === bare(remote));
      return found === undefined
        ? undefined
        : { state: (found[2] ?? "").toLowerCase(), detectionTime: Math.round(Number(found[5]) * 1000) };
    },
    async shutdown() {
      await ask("disable", "peers");
    },
  };
}

/** bfdd of FRR, and the zebra that tells it of devices. */
export async function startFrr(
  lab: Lab,
  { name, sessions, interval, multiplier }: PeerOptions,
): Promise<Peer> {
  const directory = lab.directory(`${name}-frr-bfd`);
  const [empty, file] = [join(directory, "zebra.conf"), join(directory, "bfdd.conf")];
  const peer = ({ local, remote }: PeerOptions["sessions"][number]): string =>
    remote.includes("%")
      ? `peer ${remote.replace(/%.*/, "")} local-address ${local.replace(/%.*/, "")} interface eth0`
      : `peer ${remote} local-address ${local}`;
  writeFileSync(empty, "");
  writeFileSync(
    file,
    [
      "bfd",
      ...sessions.flatMap((one) => [
        ` ${peer(one)}`,
        `  detect-multiplier ${multiplier}`,
        `  receive-interval ${interval}`,
        `  transmit-interval ${interval}`,
        " exit",
        " !",
      ]),
      "exit",
      "",
    ].join("\n"),
  );
  // The daemons give up root for the user frr.
  execFileSync("chown", ["-R", "frr:frr", directory]);
  chmodSync(directory, 0o755);
  const ask = async (...commands: string[]): Promise<string> => {
    const words = commands.flatMap((command) => ["-c", command]);
    return (await run(pathOf("vtysh") ?? "vtysh", ["--vty_socket", directory, "-d", "bfdd", ...words]))
      .stdout;
  };
  const start = (program: string, config: string, ...more: string[]): void => {
    const paths = ["-f", config, "-i", join(directory, `${program}.pid`), "--vty_socket", directory];
    const args = [...paths, "-P", "0", "-z", join(directory, "zserv.api"), ...more];
    lab.spawn(name, pathOf(program) ?? program, args, { stdio: "ignore" });
  };
  start("zebra", empty);
  await answers(() =>
    run(pathOf("vtysh") ?? "vtysh", ["--vty_socket", directory, "-d", "zebra", "-c", "show version"]),
  );
  start("bfdd", file, "--bfdctl", join(directory, "bfdd.sock"));
  await answers(() => ask("show version"));
  return {
    async view(remote) {
      const peers = JSON.parse(await ask("show bfd peers json")) as readonly Record<string, unknown>[];
      const found = peers.find((one) => one["peer"] === remote.replace(/%.*/, ""));
      return found === undefined
        ? undefined
        : {
            state: String(found["status"]),
            detectionTime:
              Number(found["remote-detect-multiplier"]) *
              Math.max(Number(found["receive-interval"]), Number(found["remote-transmit-interval"])),
          };
    },
    async shutdown(remote) {
      const one = sessions.find((session) => session.remote === remote);
      if (one === undefined) throw new Error(`there is no session with ${remote}`);
      await ask("configure terminal", "bfd", peer(one), "shutdown");
    },
  };
}

async function answers(ask: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await ask();
      return;
    } catch (error) {
      if (attempt === 400) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
