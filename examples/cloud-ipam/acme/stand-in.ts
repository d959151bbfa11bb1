/** The SDK of a small vendor, Acme: machines with one interface each, and leases of single addresses on it. */
export interface AcmeClient {
  network(): Promise<{ readonly id: string; readonly cidr: string; readonly free: number }>;
  /** @throws `no-such-machine` */
  machine(id: string): Promise<AcmeMachine>;
  /** The same label again gives the same leases. @throws `network-full`, `machine-full`, `slow-down`, `no-such-machine` */
  lease(machine: string, label: string, count: number): Promise<readonly string[]>;
  /** @throws `no-such-machine`, `slow-down` */
  free(machine: string, address: string): Promise<void>;
}

export interface AcmeMachine {
  readonly address: string;
  readonly leases: readonly string[];
}

export class AcmeError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`Acme says ${code}`);
    this.code = code;
  }
}

/** Acme's cloud, in memory: for the example and for the kit. */
export class AcmeStandIn implements AcmeClient {
  /** Hears of each request; what it throws before, did not happen, and what it throws after, did. */
  hook: (action: string, when: "before" | "after") => void = () => {};
  readonly requests: string[] = [];
  readonly #machines = new Map<string, { readonly address: string; readonly leases: Map<string, string> }>();
  readonly #free = Array.from({ length: 250 }, (_, index) => `10.7.0.${index + 4}`);

  launch(id: string): void {
    this.#machines.set(id, { address: this.#free.shift()!, leases: new Map() });
  }

  terminate(id: string): void {
    const { address, leases } = this.#machines.get(id)!;
    this.#free.push(address, ...leases.keys());
    this.#machines.delete(id);
  }

  network(): ReturnType<AcmeClient["network"]> {
    return this.#request("network", () => ({ id: "acme-net", cidr: "10.7.0.0/24", free: this.#free.length }));
  }

  machine(id: string): Promise<AcmeMachine> {
    return this.#request("machine", () => {
      const { address, leases } = this.#machine(id);
      return { address, leases: [...leases.keys()] };
    });
  }

  lease(id: string, label: string, count: number): Promise<readonly string[]> {
    return this.#request("lease", () => {
      const { leases } = this.#machine(id);
      const known = [...leases].filter(([, given]) => given === label).map(([address]) => address);
      if (known.length > 0) return known;
      if (leases.size + count > 120) throw new AcmeError("machine-full");
      if (count > this.#free.length) throw new AcmeError("network-full");
      const given = this.#free.splice(0, count);
      for (const address of given) leases.set(address, label);
      return given;
    });
  }

  free(id: string, address: string): Promise<void> {
    return this.#request("free", () => {
      if (this.#machine(id).leases.delete(address)) this.#free.push(address);
    });
  }

  #machine(id: string): { readonly address: string; readonly leases: Map<string, string> } {
    const machine = this.#machines.get(id);
    if (machine === undefined) throw new AcmeError("no-such-machine");
    return machine;
  }

  async #request<Answer>(action: string, act: () => Answer): Promise<Answer> {
    this.requests.push(action);
    this.hook(action, "before");
    const answer = act();
    this.hook(action, "after");
    return answer;
  }
}
