import type { Datapath, DatapathMaps, Revision } from "@netloom/core";
import type { EndpointKey, EndpointValue, PolicyKey, PolicyValue } from "@netloom/core/backend";
import type { Life } from "../kernel/life.ts";
import { GuardedMaglev, GuardedMap, type WriteGuard } from "./guarded-map.ts";
import { Shadow } from "./shadow.ts";

/** What somebody wants of a pod. */
export interface DesiredPod {
  readonly labels: readonly string[];
  /** Another number is another pod under the same name. */
  readonly generation: number;
}

/** Hears of every write, when it has been done. */
export interface MachineWatcher {
  endpointWritten(machine: Machine, address: string): void;
  addressWritten(machine: Machine, address: string): void;
  prefixWritten(machine: Machine): void;
  policyWritten(machine: Machine, key: PolicyKey): void;
}

/** A node's machine: what is left when its agent dies. */
export class Machine {
  readonly name: string;
  /** Towards the fabric. */
  readonly address: string;
  readonly shadow: Shadow = new Shadow();
  /** By name. Somebody else's memory: it survives every crash. */
  readonly desired: Map<string, DesiredPod> = new Map();
  readonly #watcher: MachineWatcher;
  datapath: Datapath;
  /** On the fabric: its packets are seen by others. */
  connected = true;
  /** What its datapath has been said to have, and what some life of its agent has heard of. */
  applied: Revision = 0;
  seen: Revision = 0;
  /** Every range that a life of its agent has had since it joined. */
  readonly ranges: Set<string> = new Set();
  /** Of pods, by the name of the endpoint. */
  readonly interfaces: Set<string> = new Set();
  /** The agent dies before so many more writes of its tables. */
  #writesLeft = Number.POSITIVE_INFINITY;
  #writes = 0;

  constructor(name: string, address: string, datapath: Datapath, watcher: MachineWatcher) {
    this.name = name;
    this.address = address;
    this.datapath = datapath;
    this.#watcher = watcher;
  }

  /** Of tables, since the beginning. */
  get writes(): number {
    return this.#writes;
  }

  /** As from a factory: nothing of before is left. */
  replace(datapath: Datapath): void {
    this.datapath = datapath;
    this.shadow.read(datapath.maps);
    this.applied = 0;
    this.seen = 0;
    this.ranges.clear();
    this.interfaces.clear();
    this.connected = true;
  }

  /** A table that does not hold what was written to it. */
  difference(): string | undefined {
    const found = new Shadow();
    found.read(this.datapath.maps);
    const table = this.shadow.differsFrom(found);
    return table === undefined
      ? undefined
      : `table ${table} of ${this.name} does not hold what was written to it`;
  }

  /** The agent will die in the middle of a pass. */
  dieAfterWrites(count: number): void {
    this.#writesLeft = count;
  }

  /** The tables, for one life of the agent. */
  mapsFor(life: Life, die: () => void): DatapathMaps {
    const { maps } = this.datapath;
    const { shadow } = this;
    const watcher = this.#watcher;
    const guard: WriteGuard = {
      mayWrite: () => {
        if (!life.alive) return false;
        if (this.#writesLeft <= 0) {
          this.#writesLeft = Number.POSITIVE_INFINITY;
          die();
          return false;
        }
        this.#writesLeft--;
        this.#writes++;
        return true;
      },
    };
    return {
      endpoints: new GuardedMap<EndpointKey, EndpointValue>(maps.endpoints, guard, (key, value) => {
        shadow.setEndpoint(key, value);
        watcher.endpointWritten(this, key.address.toString());
      }),
      ipcache: new GuardedMap(maps.ipcache, guard, (key, value) => {
        shadow.setAddress(key, value);
        watcher.addressWritten(this, key.address.toString());
      }),
      ipcachePrefixes: new GuardedMap(maps.ipcachePrefixes, guard, (key, value) => {
        shadow.setPrefix(key, value);
        watcher.prefixWritten(this);
      }),
      policy: new GuardedMap<PolicyKey, PolicyValue>(maps.policy, guard, (key, value) => {
        shadow.setPolicy(key, value);
        watcher.policyWritten(this, key);
      }),
      services: new GuardedMap(maps.services, guard),
      backends: new GuardedMap(maps.backends, guard),
      maglev: new GuardedMaglev(maps.maglev, guard),
      settings: new GuardedMap(maps.settings, guard),
      conntrack: new GuardedMap(maps.conntrack, guard),
      nat: new GuardedMap(maps.nat, guard),
    };
  }
}
