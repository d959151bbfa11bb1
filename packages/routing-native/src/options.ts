import { NetloomError, type Routing } from "@netloom/core";
import { cidrOption } from "@netloom/core/backend";

export const NAME = "native";

export interface NativeOptions {
  /**
   * Ranges beside the pods' own that know the way back to pods, e.g. the data centre's: what pods send there is never
   * masqueraded. @defaultValue none
   */
  readonly nativeCidr?: string | readonly string[];
  /** Keeps a route to the pods of each node on the uplink's link. Without, the fabric carries them all, by BGP say. @defaultValue true */
  readonly directRoutes?: boolean;
  /**
   * Plans for the nodes that are not on the uplink's link, e.g. `vxlan()`; it is started and disposed of with this one.
   * @defaultValue none: the fabric's routes carry their packets
   */
  readonly tunnel?: Routing;
}

/** Options, checked, with their defaults. */
export interface NativeConfig {
  readonly native: readonly string[];
  readonly directRoutes: boolean;
  readonly tunnel: Routing | undefined;
}

const KNOWN: readonly string[] = ["nativeCidr", "directRoutes", "tunnel"] satisfies (keyof NativeOptions)[];

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function parseOptions(options: NativeOptions): NativeConfig {
  const unknown = Object.keys(options).find((option) => !KNOWN.includes(option));
  if (unknown !== undefined)
    throw invalid(`there is no option ${unknown}`, options, `write ${KNOWN.join(", ")}`);
  const { nativeCidr = [], directRoutes = true, tunnel } = options;
  if (typeof directRoutes !== "boolean") {
    throw invalid(
      `option directRoutes ${String(directRoutes)} is no answer`,
      directRoutes,
      "write true or false",
    );
  }
  if (tunnel !== undefined && !encapsulates(tunnel)) {
    throw invalid(
      "option tunnel encapsulates nothing",
      tunnel,
      "give a routing with a tunnel, such as vxlan()",
    );
  }
  return { native: cidrOption("nativeCidr", nativeCidr, NAME), directRoutes, tunnel };
}

/** As far as can be told from outside. */
function encapsulates(tunnel: Routing): boolean {
  try {
    return typeof tunnel.plan === "function" && tunnel.overhead(4) > 0;
  } catch {
    return false;
  }
}

function invalid(what: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", what, { input, remedy, backend: NAME });
}
