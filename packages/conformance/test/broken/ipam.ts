import { endings } from "./ipam/endings.ts";
import { leases } from "./ipam/leases.ts";
import { lifecycle } from "./ipam/lifecycle.ts";
import { requests } from "./ipam/requests.ts";
import { restarts } from "./ipam/restarts.ts";
import type { Breaks } from "./ipam/broken-ipam.ts";

export { ipamOptions } from "./ipam/broken-ipam.ts";

/** By the check that finds it. */
export const brokenIpams: Breaks = { ...leases, ...endings, ...requests, ...restarts, ...lifecycle };
