import { clusterPool } from "@netloom/ipam-cluster-pool";
import type { Datapath, Ipam, OperatorComponent, Store } from "@netloom/core";
import type { Backends, SimulatedClusterOptions } from "@netloom/simulation";
import { standardBackends } from "../support/standard.ts";
import * as datapaths from "./datapaths.ts";
import * as ipams from "./ipams.ts";
import * as operators from "./operators.ts";
import * as stores from "./stores.ts";

/** A mistake that somebody made, or could have. */
export interface HistoricBug {
  readonly name: string;
  readonly backends: Backends;
  /** What makes it likely. Without the mistake nothing is found then, either. */
  readonly more?: Partial<SimulatedClusterOptions>;
  /** It must be found within so many seeds. */
  readonly seeds: number;
}

const inStore = (store: (store: Store, process: string) => Store): Backends => ({
  ...standardBackends,
  store,
});

const inIpam = (change: (ipam: Ipam) => Ipam): Backends => ({
  ...standardBackends,
  ipam: () => change(clusterPool({ preAllocate: 2 })),
});

const inOperator = (change: (component: OperatorComponent) => OperatorComponent): Backends => ({
  ...standardBackends,
  components: standardBackends.components!.map((define) => () => define().map(change)),
});

const inDatapath = (datapath: () => Datapath): Backends => ({ ...standardBackends, datapath });

export const HISTORIC_BUGS: readonly HistoricBug[] = [
  {
    name: "ranges given before it is known who has which (#21482, #17277)",
    backends: inOperator(operators.allocatesBeforeList),
    seeds: 30,
  },
  {
    name: "a leader that trusts its lease (#17870)",
    backends: { ...inOperator(operators.trustsItsLease), store: stores.usesUnconfirmed },
    more: { nodes: 6, operators: 3, faults: { lag: 0.3, tail: 0.05 } },
    seeds: 300,
  },
  { name: "a pool deleted while in use (#41986)", backends: inOperator(operators.forgetsThePool), seeds: 20 },
  {
    name: "nodes that are gone keep their ranges (#17837)",
    backends: inOperator(operators.neverTakesBack),
    seeds: 30,
  },
  {
    name: "the gateway's address given to a pod after a restart (#46799)",
    backends: inIpam(ipams.forgetsReserved),
    seeds: 30,
  },
  { name: "leases forgotten by a restart (#4277, I7)", backends: inIpam(ipams.forgetsLeases), seeds: 20 },
  { name: "release by name (Azure CNS #885)", backends: inIpam(ipams.releasesByName), seeds: 50 },
  {
    name: "an address reused before everybody has forgotten it (#19931)",
    backends: inIpam(ipams.freesAtOnce),
    seeds: 50,
  },
  {
    name: "the end of an old owner takes the new one's row along (#19996, #29571)",
    backends: inDatapath(datapaths.deletesWithoutOwner),
    seeds: 30,
  },
  {
    name: "numbers of prefixes lost in a restart (#27210, #24502)",
    backends: inDatapath(datapaths.forgetsPrefixes),
    seeds: 50,
  },
  {
    name: "a policy map that silently takes less than it is given (I19)",
    backends: inDatapath(datapaths.dropsSilently),
    seeds: 30,
  },
  {
    name: "a collector that does not check revisions (#19936)",
    backends: inStore(stores.collectsBlindly),
    more: { identityInterval: 60, operators: 3 },
    seeds: 300,
  },
  {
    name: "a number given to others while a datapath knows what it meant (I10)",
    backends: inStore(stores.reusesAtOnce),
    seeds: 50,
  },
  {
    name: "a reference that touches nothing (#19827)",
    backends: inStore(stores.takesWithoutTouch),
    more: { identityInterval: 60, operators: 3 },
    seeds: 300,
  },
  { name: "no unique key per label set (#38319)", backends: inStore(stores.noKeyPerLabelSet), seeds: 20 },
  {
    name: "a collector that counts its own nodes only (#16805)",
    backends: inStore(stores.collectsForOthers),
    seeds: 30,
  },
  {
    name: "references brought back by a synchronisation (#35451)",
    backends: inStore(stores.bringsBack),
    seeds: 30,
  },
  {
    name: "endpoints before the identities of their peers (#42050)",
    backends: inStore(stores.identitiesComeLast),
    seeds: 30,
  },
  {
    name: "an acknowledgement of what was only heard",
    backends: inStore(stores.acknowledgesEarly),
    seeds: 50,
  },
  { name: "a list of the past (Sieve: stale state)", backends: inStore(stores.listsThePast), seeds: 20 },
  { name: "a lost answer taken for a failure", backends: inStore(stores.takesLostForFailed), seeds: 50 },
];
