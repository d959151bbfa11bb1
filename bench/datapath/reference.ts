/**
 * Figures of other days, to stand beside ours: `datapath-performance.md`, measured 2026-11-22 on a Xeon at 2.3 GHz.
 * Cilium's are those of its own programs (main of 2026-06-25) under BPF_PROG_TEST_RUN, section 5; the floor is the sum
 * of a path's parts, section 4; the goals are section 7 C. Nanoseconds.
 */
export interface Reference {
  /** From and to. */
  readonly cilium: readonly [number, number];
  readonly floor?: number;
  readonly goal?: number;
}

export const REFERENCES = {
  remote: { cilium: [402, 402], floor: 170, goal: 280 },
  service: { cilium: [422, 422], floor: 220, goal: 310 },
  serviceAlone: { cilium: [20, 32], floor: 50, goal: 30 },
  local: { cilium: [668, 668], floor: 200, goal: 470 },
  arriving: { cilium: [397, 408], floor: 130, goal: 280 },
  remoteNew: { cilium: [697, 741], goal: 600 },
  serviceNew: { cilium: [674, 768] },
  localNew: { cilium: [1297, 1337] },
  denied: { cilium: [316, 329] },
} as const satisfies Record<string, Reference>;

/** CPU time to verify and load what one pod more needs: Cilium's programs, and the goal (section 7 C). */
export const LOAD = { cilium: "Cilium 160–190 ms", goal: "100 ms" };

/** To add a service where 1,000 are: kube-proxy's rules (section 4), and the goal (section 7 B). */
export const SERVICE = { iptables: "iptables 206 ms, nft 64 ms", goal: "2 ms" };
