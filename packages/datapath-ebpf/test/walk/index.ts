import { arrivals } from "./arrivals.ts";
import type { Suite } from "./bench.ts";
import { conntrack } from "./conntrack.ts";
import { delivery } from "./delivery.ts";
import { established } from "./established.ts";
import { events } from "./events.ts";
import { fragments } from "./fragments.ts";
import { icmpWalks } from "./icmp.ts";
import { interfaces } from "./interfaces.ts";
import { links } from "./links.ts";
import { masqueradePorts } from "./masquerade-ports.ts";
import { masqueradeTime } from "./masquerade-time.ts";
import { masquerade } from "./masquerade.ts";
import { native } from "./native.ts";
import { northSouthErrors } from "./north-south-errors.ts";
import { northSouth } from "./north-south.ts";
import { policyDirections } from "./policy-directions.ts";
import { policy } from "./policy.ts";
import { serviceFlows } from "./service-flows.ts";
import { serviceReplies } from "./service-replies.ts";
import { services } from "./services.ts";

/** All walks, in the order in which a packet meets what they prove. */
export const suites: readonly Suite[] = [
  links,
  delivery,
  conntrack,
  policy,
  policyDirections,
  established,
  icmpWalks,
  arrivals,
  services,
  serviceFlows,
  serviceReplies,
  fragments,
  masquerade,
  masqueradePorts,
  masqueradeTime,
  native,
  interfaces,
  northSouth,
  northSouthErrors,
  events,
];
