import {
  plan,
  type CloudAction,
  type CloudAddress,
  type CloudCapabilities,
  type CloudInterface,
  type CloudPolicy,
  type CloudPool,
  type NodeLimits,
  type RangeUse,
  type Setback,
  type Shortage,
  type Wanted,
} from "@netloom/ipam-cloud";
import { BLOCK_SIZE } from "./sizes.ts";
import type { Refused, SubnetLedger, Wants } from "./subnet-ledger.ts";

/** Plans in a row, as of a node. */
const PASSES = 16;

/** What nodes have in common. */
export interface NodeKind {
  readonly capabilities: CloudCapabilities;
  readonly policy: CloudPolicy;
  readonly limits: NodeLimits;
  readonly zone: string;
  /** The cloud tells how many addresses a subnet has free. */
  readonly tellsFree: boolean;
}

/** One thing a node asked a subnet for. */
export interface Taking extends Wants {
  readonly subnet: SubnetLedger;
  /** It was refused, for want of these. */
  readonly refused?: Refused;
}

/** One node, in numbers: the real plan, carried out against ledgers in place of a cloud. */
export class NodeLedger {
  readonly #kind: NodeKind;
  readonly #subnets: readonly SubnetLedger[];
  readonly #setbacks: Setback[] = [];
  readonly #takings: Taking[] = [];
  #shortage: Shortage | undefined;
  #interfaces: CloudInterface[] = [];
  #used = 0;
  #next = 0;

  /** @param subnets - of its zone. */
  constructor(kind: NodeKind, subnets: readonly SubnetLedger[]) {
    this.#kind = kind;
    this.#subnets = subnets;
  }

  /** The first interface. @returns whether there was an address for it. */
  launch(subnet: SubnetLedger): boolean {
    return this.#take({ subnet, blocks: 0, singles: 1 }, () => this.#addInterface(subnet, true, []));
  }

  /** Has so many more addresses in use, its own included, as far as they can be had. */
  use(count: number): void {
    const wanted = this.#used + count;
    for (let pass = 0; pass < PASSES; pass++) {
      const { actions, shortages } = this.#plan(wanted - this.#used);
      this.#shortage = shortages[0];
      if (actions.length === 0) break;
      for (const action of actions) if (!this.#carryOut(action)) break;
    }
    this.#used = Math.min(wanted, this.available);
  }

  /** Addresses for pods, and the node's own. */
  get available(): number {
    return this.#pods().reduce((sum, cidr) => sum + sizeOf(cidr), 0);
  }

  get used(): number {
    return this.#used;
  }

  get interfaces(): number {
    return this.#interfaces.length;
  }

  /** In their order. */
  get takings(): readonly Taking[] {
    return this.#takings;
  }

  /** Why it does not have all it would keep. */
  get shortage(): Shortage | undefined {
    return this.#shortage;
  }

  #plan(waiting: number): ReturnType<typeof plan> {
    const { capabilities, policy, limits, zone } = this.#kind;
    return plan({
      inventory: { node: { name: "node", instance: "instance", zone }, interfaces: this.#interfaces },
      limits,
      pools: this.#subnets.map((one) => this.#describe(one)),
      demand: { ranges: this.#ranges(), waiting: { 4: waiting } },
      policy,
      capabilities,
      families: [4],
      setbacks: this.#setbacks,
      now: 0,
    });
  }

  #carryOut(action: CloudAction): boolean {
    switch (action.do) {
      case "assign": {
        const subnet = this.#subnetOf(action.interface);
        return this.#take(taking(subnet, [action]), () => this.#addAddresses(action.interface, [action]));
      }
      case "add-interface": {
        const subnet = this.#subnets.find((one) => one.subnet.id === action.pool)!;
        const { blocks, singles } = taking(subnet, action.want);
        // Its own address comes first, as the cloud takes them.
        return this.#take({ subnet, blocks, singles: singles + 1 }, () =>
          this.#addInterface(subnet, false, action.want),
        );
      }
      default:
        throw new Error(`a node that only grows has no use for ${action.do}`);
    }
  }

  #take(taken: Taking, done: () => void): boolean {
    const refused = taken.subnet.take(taken);
    this.#takings.push({ ...taken, ...(refused === undefined ? {} : { refused }) });
    if (refused !== undefined) {
      this.#setbacks.push({ what: refused, id: taken.subnet.subnet.id, until: Infinity });
      return false;
    }
    done();
    return true;
  }

  #addInterface(subnet: SubnetLedger, primary: boolean, want: readonly Wanted[]): void {
    const index = this.#interfaces.length;
    this.#interfaces.push({
      id: `interface-${index}`,
      index,
      pool: subnet.subnet.id,
      primary,
      managed: true,
      state: "attached",
      addresses: [{ cidr: this.#address(1), role: "primary", ready: true }],
      securityGroups: [],
      deleteWithInstance: true,
    });
    this.#addAddresses(`interface-${index}`, want);
  }

  #addAddresses(id: string, want: readonly Wanted[]): void {
    const added = want.flatMap(({ prefix, count }) => {
      const [size, role] = prefix === 32 ? ([1, "secondary"] as const) : ([BLOCK_SIZE, "block"] as const);
      return Array.from({ length: count }, (): CloudAddress => ({
        cidr: this.#address(size),
        role,
        ready: true,
      }));
    });
    this.#interfaces = this.#interfaces.map((one) =>
      one.id === id ? { ...one, addresses: [...one.addresses, ...added] } : one,
    );
  }

  /** Any one that the node does not have yet: which does not matter to numbers. */
  #address(size: number): string {
    const number = BLOCK_SIZE * this.#next++;
    const bytes = [10, (number >> 16) & 255, (number >> 8) & 255, number & 255];
    return `${bytes.join(".")}/${size === 1 ? 32 : 28}`;
  }

  #pods(): readonly string[] {
    return this.#interfaces.flatMap(({ addresses }) =>
      addresses.filter(({ role }) => role !== "primary").map(({ cidr }) => cidr),
    );
  }

  #ranges(): ReadonlyMap<string, RangeUse> {
    let left = this.#used;
    return new Map(
      this.#pods().map((cidr) => {
        const used = Math.min(left, sizeOf(cidr));
        left -= used;
        return [cidr, { used }];
      }),
    );
  }

  #describe({ subnet, free }: SubnetLedger): CloudPool {
    const { id, zone, cidr } = subnet;
    return {
      id,
      zone,
      cidrs: [cidr],
      tags: {},
      ...(this.#kind.tellsFree ? { freeAddresses: { 4: free } } : {}),
    };
  }

  #subnetOf(id: string): SubnetLedger {
    const { pool } = this.#interfaces.find((one) => one.id === id)!;
    return this.#subnets.find(({ subnet }) => subnet.id === pool)!;
  }
}

function taking(subnet: SubnetLedger, want: readonly Wanted[]): Taking {
  const sum = (isBlock: boolean): number =>
    want.filter(({ prefix }) => (prefix !== 32) === isBlock).reduce((total, { count }) => total + count, 0);
  return { subnet, blocks: sum(true), singles: sum(false) };
}

function sizeOf(cidr: string): number {
  return cidr.endsWith("/32") ? 1 : BLOCK_SIZE;
}
