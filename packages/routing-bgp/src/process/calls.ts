import type { CloseMode, RibRoute } from "@netloom/bgp";
import { NetloomError } from "@netloom/core";
import type { RoutesQuery, SpeakerDriver, SpeakerSettings } from "../driver.ts";
import type { SpeakerHost } from "../host.ts";
import type { SetChange } from "../route-sets.ts";

/** Routes in one answer. */
const PAGE = 1000;

type CloseParameters = readonly [
  mode: CloseMode,
  message: string | null | undefined,
  /** The node is no node any more: what is left there goes too. */
  install?: SpeakerSettings["install"],
];

/** What an agent may ask of the process, by name. Routes are read in pages; the agent numbers its readings. */
export class Calls {
  readonly #host: SpeakerHost;
  readonly #readings = new Map<unknown, Iterator<RibRoute>>();

  constructor(host: SpeakerHost) {
    this.#host = host;
  }

  /** What comes from the other side was made by the same package: only the name is checked. */
  async carryOut(name: string, parameters: readonly unknown[]): Promise<unknown> {
    const host = this.#host;
    switch (name) {
      case "configure":
        return (await host.configure(parameters[0] as SpeakerSettings)) ?? null;
      case "change":
        return host.change(parameters[0] as SetChange);
      case "commit":
        return host.commit();
      case "peers":
        return host.speaker.peers();
      case "routes":
        this.#read(parameters[0] as RoutesQuery | null | undefined, parameters[1]);
        return this.#page(parameters[1]);
      case "more":
        return this.#page(parameters[0]);
      case "enough":
        return this.#end(parameters[0]);
      case "explain":
        return host.speaker.explain(...(parameters as [string, string]));
      case "refresh": {
        const [peer, direction, family] = parameters as Parameters<SpeakerDriver["refresh"]>;
        return host.speaker.refresh(peer, direction, family ?? undefined);
      }
      case "reset": {
        const [peer, message] = parameters as [string, string | null | undefined];
        return host.speaker.reset(peer, message ?? undefined);
      }
      case "close": {
        const [mode, message, install] = parameters as CloseParameters;
        if (install !== undefined) return host.uninstall(install);
        return host.close(mode, message ?? undefined);
      }
      default:
        throw new NetloomError("ERR_UNSUPPORTED", `there is no call ${name}`, { backend: "bgp" });
    }
  }

  #read(query: RoutesQuery | null | undefined, reading: unknown): void {
    this.#end(reading);
    const routes = this.#host.speaker.routes(query ?? undefined);
    this.#readings.set(reading, routes[Symbol.iterator]());
  }

  #page(reading: unknown): { readonly routes: readonly RibRoute[]; readonly more: boolean } {
    const iterator = this.#readings.get(reading);
    const routes: RibRoute[] = [];
    while (iterator !== undefined && routes.length < PAGE) {
      const next = iterator.next();
      if (next.done === true) {
        this.#readings.delete(reading);
        return { routes, more: false };
      }
      routes.push(next.value);
    }
    return { routes, more: iterator !== undefined };
  }

  #end(reading: unknown): void {
    this.#readings.get(reading)?.return?.();
    this.#readings.delete(reading);
  }
}
