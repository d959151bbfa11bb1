import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "@netloom/lab";
import {
  type NeighbourOptions,
  type Router,
  type RouterOptions,
  startBird,
  startFrr,
  startGobgp,
} from "@netloom/lab/routers";
import { SPEAKER } from "./built.ts";
import { momentOf, Program } from "./program.ts";
import type { Report } from "./programs/talk.ts";
import { formatPrefix, lastTold } from "./prefixes.ts";

/** Milliseconds. */
const PATIENCE = 300_000;

/** All a contender is started with: it waits for neighbours to call, takes all they tell and tells all it has. */
export interface Setup {
  readonly asn: number;
  readonly routerId: string;
  readonly neighbours: readonly { readonly where: string; readonly asn: number; readonly hold?: number }[];
}

/** When a table was there, and what is known besides. */
export interface Received {
  readonly at: bigint;
  /** Milliseconds: the longest that the event loop stood still, and the most that it computed in one go. */
  readonly stall?: number;
  readonly busy?: number;
}

/** A router that is measured. */
export interface Contender extends AsyncDisposable {
  readonly pid: number;
  /** Called before the table is sent: the answer comes when it is in the RIB. */
  received(count: number, sets: number): Promise<Received>;
  /** Ours alone: advertises a table of its own, or one prefix more. */
  readonly program?: Program;
}

export type StartContender = (lab: Lab, setup: Setup) => Promise<Contender>;

/** The first is the one that others are compared with. */
export const CONTENDERS: Readonly<Record<string, StartContender>> = {
  BIRD: daemon(startBird, {
    interval: 5,
    has: async (router, prefix) => (await router.ask(`show route ${prefix} primary`)).includes(prefix),
    count: async (router) => Number.parseInt(await router.ask("show route count"), 10),
  }),
  Netloom: ours,
  FRR: daemon(startFrr, {
    interval: 5,
    has: async (router, prefix) =>
      /"overall":\s*true/.test(await router.ask(`show bgp ipv4 unicast ${prefix} json`)),
    // Its own count of the table has the inner nodes of a tree in it.
    count: async (router) => sum(await router.ask("show bgp ipv4 unicast summary json"), /"pfxRcd":(\d+)/g),
  }),
  GoBGP: daemon(startGobgp, {
    interval: 50,
    // It answers with an error as long as there is none.
    has: async (router, prefix) =>
      (await router.ask("global", "rib", prefix).catch(() => "")).includes(prefix),
    count: async (router) => sum(await router.ask("neighbor"), /\| +(\d+) +\d+ *$/gm),
  }),
};

interface Questions {
  /** Milliseconds between them. */
  readonly interval: number;
  readonly has: (router: Router, prefix: string) => Promise<boolean>;
  readonly count: (router: Router) => Promise<number>;
}

/**
 * A daemon is asked for the prefix that is told last, not for a count: that would walk the table again and again. It is
 * counted once, at the end.
 */
function daemon(
  start: (lab: Lab, name: string, options: RouterOptions) => Promise<Router>,
  { interval, has, count }: Questions,
): StartContender {
  return async (lab, { neighbours, ...setup }) => {
    const router = await start(lab, "router", {
      ...setup,
      quiet: true,
      neighbours: neighbours.map(({ where, asn, hold = 240 }): NeighbourOptions => {
        const common = { asn, hold, passive: true, gracefulRestart: false } as const;
        return where.includes("/") ? { ...common, range: where } : { ...common, address: where };
      }),
    });
    return {
      pid: router.pid,
      async received(wanted, sets) {
        const prefix = formatPrefix(lastTold(wanted, sets));
        const deadline = performance.now() + PATIENCE;
        while (!(await has(router, prefix))) {
          if (performance.now() > deadline) throw new Error(`${router.kind} never had ${prefix}`);
          await sleep(interval);
        }
        const at = process.hrtime.bigint();
        const counted = await count(router);
        if (counted !== wanted) throw new Error(`${router.kind} has ${counted} prefixes of ${wanted}`);
        return { at };
      },
      [Symbol.asyncDispose]: () => router[Symbol.asyncDispose](),
    };
  };
}

function sum(text: string, numbers: RegExp): number {
  return [...text.matchAll(numbers)].reduce((total, [, number]) => total + Number(number), 0);
}

/** How our event loop fared, in milliseconds. */
export function loopOf(report: Report): { readonly stall: number; readonly busy: number } {
  return { stall: Number(report["stall"]) / 1e6, busy: Number(report["busy"]) / 1e6 };
}

async function ours(lab: Lab, { asn, routerId, neighbours }: Setup): Promise<Contender> {
  const all = { statements: [{ action: "accept" }] };
  const config = {
    asn,
    routerId,
    listen: { addresses: ["0.0.0.0"] },
    peers: neighbours.map((neighbour) => ({
      name: neighbour.where,
      remote: neighbour.where.includes("/")
        ? { dynamic: neighbour.where, limit: 5000 }
        : { address: neighbour.where },
      remoteAsn: neighbour.asn,
      passive: true,
      gracefulRestart: false,
      timers: { hold: neighbour.hold ?? 240 },
      families: { "ipv4-unicast": { import: all, export: all } },
    })),
  };
  const program = new Program(lab, "router", "netloom", [JSON.stringify(config)], SPEAKER);
  await program.next("started");
  return {
    pid: program.pid,
    program,
    async received(count) {
      program.order("watch", { count });
      const report = await program.next("received");
      return { at: momentOf(report), ...loopOf(report) };
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
