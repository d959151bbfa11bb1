/** BGP daemons of others, each in a namespace of a lab: BIRD 2, FRR and GoBGP, asked and told in one way. */
export { askBird, startBird } from "./bird.ts";
export { askFrr, startFrr } from "./frr.ts";
export { startGobgp } from "./gobgp.ts";
export type {
  NeighbourOptions,
  NeighbourState,
  Router,
  RouterAnnouncement,
  RouterFamily,
  RouterNeighbour,
  RouterOptions,
  RouterRoute,
} from "./router.ts";
export { waitFor } from "./wait.ts";
