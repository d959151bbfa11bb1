import { cidrAround, formatCidr, parseCidr, type Family } from "@netloom/core";
import {
  CloudError,
  type CloudAddress,
  type CloudCall,
  type CloudCapabilities,
  type CloudFault,
  type CloudInterface,
  type CloudNode,
  type CloudPool,
  type CloudProvider,
  type NodeLimits,
  type Wanted,
} from "@netloom/ipam-cloud";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface FakeInterface extends Mutable<Omit<CloudInterface, "addresses">> {
  addresses: CloudAddress[];
  instance?: string;
}

export interface FakeOptions {
  readonly limits?: NodeLimits;
  readonly capabilities?: Partial<CloudCapabilities>;
  readonly cidrs?: readonly string[];
}

/** A cloud in a few lines: one pool that grows, and instances with one interface. */
export class FakeCloud implements CloudProvider {
  readonly name = "fake";
  readonly account = "fake";
  readonly capabilities: CloudCapabilities;
  readonly requests: string[] = [];
  readonly interfaces: FakeInterface[] = [];
  cidrs: string[];
  limitsOfNode: NodeLimits;
  /** Throws in place of a request, or after it was done. */
  fails: (request: string, when: "before" | "after") => CloudFault | undefined = () => undefined;
  /** Interfaces are attached only when the node is read after the answer. */
  slow = false;
  #next = 1;

  constructor(options: FakeOptions = {}) {
    this.cidrs = [...(options.cidrs ?? ["10.0.0.0/20"])];
    this.limitsOfNode = options.limits ?? { interfaces: 8, slots: { 4: 30, 6: 30 } };
    this.capabilities = {
      families: [4, 6],
      interfaces: "dynamic",
      singles: [4, 6],
      blocks: {},
      exact: false,
      release: true,
      throttles: [],
      ...options.capabilities,
    };
  }

  /** An instance with its first interface. */
  launch(node: CloudNode, pods: readonly string[] = []): void {
    const first = this.#make(node.instance, undefined);
    first.primary = true;
    first.managed = false;
    first.state = "attached";
    first.index = 0;
    first.addresses.push(...pods.map(podAddress));
  }

  /** All that is wrong: what is owned twice, and what nobody has. */
  leaks(): readonly string[] {
    return this.interfaces.filter(({ state }) => state !== "attached").map(({ id }) => id);
  }

  podAddresses(): readonly string[] {
    return this.interfaces.flatMap(({ addresses }) =>
      addresses.filter(({ role }) => role !== "primary").map(({ cidr }) => cidr),
    );
  }

  async *pools(_node: CloudNode, call: CloudCall): AsyncGenerator<CloudPool> {
    await this.#request(call, "DescribePools", () => undefined);
    const count = (prefix: (family: Family) => number | undefined): Partial<Record<Family, number>> => ({
      4: this.#free(4, prefix(4)).length,
      6: this.#free(6, prefix(6)).length,
    });
    yield {
      id: "pool",
      cidrs: this.cidrs,
      tags: {},
      freeAddresses: count((family) => (family === 4 ? 32 : 128)),
      freeBlocks: count((family) => this.capabilities.blocks[family]),
    };
  }

  readNode(node: CloudNode, call: CloudCall): ReturnType<CloudProvider["readNode"]> {
    return this.#request(call, "ReadNode", () => {
      const interfaces = this.interfaces.filter(({ instance }) => instance === node.instance);
      for (const one of interfaces) one.state = "attached";
      return interfaces.length === 0 ? undefined : { node, interfaces: structuredClone(interfaces) };
    });
  }

  limits(_node: CloudNode, call: CloudCall): Promise<NodeLimits> {
    return this.#request(call, "DescribeLimits", () => this.limitsOfNode);
  }

  async ensureInterface(
    request: Parameters<NonNullable<CloudProvider["ensureInterface"]>>[0],
    call: CloudCall,
  ): Promise<CloudInterface> {
    const { node, want } = request;
    const made = await this.#request(call, "CreateInterface", () => {
      const known = this.interfaces.find(({ intent }) => intent === call.intent);
      if (known !== undefined) return known;
      const fresh = this.#make(undefined, call.intent);
      for (const wanted of want) this.#give(fresh, wanted);
      return fresh;
    });
    if (made.state === "detached") {
      await this.#request(call, "AttachInterface", () => {
        const there = this.interfaces.filter(({ instance }) => instance === node.instance);
        if (there.length >= this.limitsOfNode.interfaces)
          throw new CloudError({ kind: "exhausted", what: "node-interfaces" }, "too many interfaces");
        made.instance = node.instance;
        made.state = this.slow ? "attaching" : "attached";
        made.index = there.length;
      });
    }
    if (!made.deleteWithInstance)
      await this.#request(call, "ModifyInterface", () => (made.deleteWithInstance = true));
    return structuredClone(made);
  }

  async removeInterface(
    { interface: id }: Parameters<NonNullable<CloudProvider["removeInterface"]>>[0],
    call: CloudCall,
  ): Promise<void> {
    const one = this.interfaces.find((other) => other.id === id);
    if (one === undefined) return;
    if (one.state === "attached") {
      await this.#request(call, "DetachInterface", () => {
        one.state = "detached";
        delete one.instance;
      });
    }
    await this.#request(call, "DeleteInterface", () => {
      const index = this.interfaces.indexOf(one);
      if (index >= 0) this.interfaces.splice(index, 1);
    });
  }

  assign(request: Parameters<CloudProvider["assign"]>[0], call: CloudCall): Promise<readonly string[]> {
    return this.#request(call, "Assign", () => this.#give(this.#interface(request.interface), request));
  }

  unassign(request: Parameters<NonNullable<CloudProvider["unassign"]>>[0], call: CloudCall): Promise<void> {
    return this.#request(call, "Unassign", () => {
      const one = this.#interface(request.interface);
      one.addresses = one.addresses.filter(
        ({ cidr, role }) => role === "primary" || !request.cidrs.includes(cidr),
      );
    });
  }

  async *orphans(call: CloudCall): AsyncGenerator<{ interface: string; intent?: string }> {
    const found = await this.#request(call, "DescribeOrphans", () =>
      this.interfaces.filter(({ state, managed }) => managed && state === "detached"),
    );
    for (const { id, intent } of found) yield { interface: id, ...(intent === undefined ? {} : { intent }) };
  }

  classify(): CloudFault {
    return { kind: "ambiguous" };
  }

  async #request<T>(call: CloudCall, action: string, act: () => T): Promise<T> {
    await call.admit(action);
    call.signal.throwIfAborted();
    this.requests.push(action);
    const before = this.fails(action, "before");
    if (before !== undefined) throw new CloudError(before, `${action} failed`);
    const answer = act();
    const after = this.fails(action, "after");
    if (after !== undefined) throw new CloudError(after, `the answer to ${action} was lost`);
    return answer;
  }

  #interface(id: string): FakeInterface {
    const one = this.interfaces.find((other) => other.id === id);
    if (one === undefined) throw new CloudError({ kind: "gone", what: "interface" }, `no ${id}`);
    return one;
  }

  #make(instance: string | undefined, intent: string | undefined): FakeInterface {
    const one: FakeInterface = {
      id: `nic-${this.#next++}`,
      pool: "pool",
      primary: false,
      managed: true,
      state: "detached",
      addresses: [],
      securityGroups: [],
      deleteWithInstance: false,
      ...(instance === undefined ? {} : { instance }),
      ...(intent === undefined ? {} : { intent }),
    };
    this.interfaces.push(one);
    const [own] = this.#free(4, 32);
    if (own !== undefined) one.addresses.push({ cidr: own, role: "primary", ready: true });
    return one;
  }

  #give(one: FakeInterface, { family, prefix, count }: Wanted): readonly string[] {
    const used = one.addresses.filter(({ cidr }) => cidr.includes(":") === (family === 6)).length;
    if (used + count > (this.limitsOfNode.slots[family] ?? 0))
      throw new CloudError({ kind: "exhausted", what: "interface-slots", id: one.id }, "no slot");
    const cidrs = this.#free(family, prefix).slice(0, count);
    if (cidrs.length < count) {
      const what = prefix === 32 || prefix === 128 ? "pool-addresses" : "pool-blocks";
      throw new CloudError({ kind: "exhausted", what, id: "pool" }, "nothing free");
    }
    one.addresses.push(...cidrs.map(podAddress));
    return cidrs;
  }

  /** The first thousand or so. */
  #free(family: Family, prefix: number | undefined): readonly string[] {
    if (prefix === undefined) return [];
    const taken = this.interfaces.flatMap(({ addresses }) => addresses.map(({ cidr }) => parseCidr(cidr)));
    // As many single addresses as there may be in blocks: everything is seen at the finer of the two.
    const singles = new Set(taken.filter(({ size }) => size === 1).map(formatCidr));
    const blocks = taken.filter(({ size }) => size > 1);
    const around = new Set(
      taken
        .filter((one) => one.family === family && one.prefix >= prefix)
        .map(({ first }) => formatCidr(cidrAround(first, prefix))),
    );
    const found: string[] = [];
    for (const text of this.cidrs) {
      const cidr = parseCidr(text);
      if (cidr.family !== family || cidr.prefix > prefix) continue;
      const count = Math.min(cidr.subnetCount(prefix), 2048);
      for (let index = 0; index < count; index++) {
        const candidate = cidr.subnet(prefix, index);
        const name = formatCidr(candidate);
        if (singles.has(name) || (candidate.size > 1 && around.has(name))) continue;
        if (candidate.size === 1 && blocks.some((block) => block.contains(candidate.first))) continue;
        found.push(name);
      }
    }
    return found;
  }
}

function podAddress(cidr: string): CloudAddress {
  return { cidr, role: parseCidr(cidr).size === 1 ? "secondary" : "block", ready: true };
}
