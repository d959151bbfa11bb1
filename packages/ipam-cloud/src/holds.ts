import { podAddresses } from "./inventory.ts";
import type { Intent } from "./journal.ts";
import type { CloudAction } from "./planning.ts";
import type { CloudAddress, CloudInterface, NodeInventory } from "./provider.ts";

/** What open intents take away, or may: it is not taken up, although the cloud still has it. */
export class Holds {
  #held: readonly CloudAction[] = [];
  /** Ids of intents whose interfaces will be removed. */
  #abandoned: ReadonlySet<string> = new Set();
  /** Interfaces that are being made. */
  #begun: readonly Intent[] = [];

  add(action: CloudAction): void {
    this.#held = [...this.#held, action];
  }

  remove(action: CloudAction): void {
    this.#held = this.#held.filter((other) => other !== action);
  }

  /** These are all that are open. */
  replace(open: readonly Intent[]): void {
    this.#held = open.filter(({ step }) => step === "begun").map(({ action }) => action);
    this.#abandoned = new Set(open.filter(({ step }) => step === "abandoned").map(({ id }) => id));
    this.#begun = open.filter(({ step, action }) => step === "begun" && action.do === "add-interface");
  }

  has(one: CloudInterface, { cidr }: CloudAddress): boolean {
    return this.#goes(one) || this.#released(one, cidr);
  }

  /** What a plan may count on: without what may be on its way out, with what may be on its way in. */
  outlook(inventory: NodeInventory): NodeInventory {
    const interfaces = inventory.interfaces.map((one): CloudInterface => {
      if (this.#goes(one)) return { ...one, state: "detaching" };
      return { ...one, addresses: one.addresses.filter(({ cidr }) => !this.#released(one, cidr)) };
    });
    const coming = this.#begun.flatMap((intent) =>
      inventory.interfaces.some((one) => one.intent === intent.id) ? [] : expected(intent),
    );
    return { ...inventory, interfaces: [...interfaces, ...coming] };
  }

  #goes(one: CloudInterface): boolean {
    if (one.intent !== undefined && one.managed && this.#abandoned.has(one.intent)) return true;
    return this.#held.some((action) => action.do === "remove-interface" && action.interface === one.id);
  }

  #released({ id }: CloudInterface, cidr: string): boolean {
    return this.#held.some(
      (action) => action.do === "release" && action.interface === id && action.cidrs.includes(cidr),
    );
  }
}

/** The ranges that an action takes away. */
export function concerned(action: CloudAction, { interfaces }: NodeInventory): readonly string[] {
  if (action.do === "release") return action.cidrs;
  if (action.do !== "remove-interface") return [];
  const one = interfaces.find(({ id }) => id === action.interface);
  return one === undefined ? [] : podAddresses(one).map(({ cidr }) => cidr);
}

/** An interface that nobody has seen yet: so that it is not asked for twice. */
function expected({ id, action }: Intent): readonly CloudInterface[] {
  if (action.do !== "add-interface") return [];
  const addresses = action.want.flatMap(({ family, prefix, count }) =>
    Array.from({ length: count }, (): CloudAddress => {
      const single = prefix === (family === 4 ? 32 : 128);
      const cidr = `${family === 4 ? "0.0.0.0" : "::"}/${prefix}`;
      return { cidr, role: single ? "secondary" : "block", ready: false };
    }),
  );
  return [
    {
      id,
      pool: action.pool,
      primary: false,
      managed: true,
      state: "attaching",
      addresses,
      securityGroups: [],
      deleteWithInstance: true,
      intent: id,
      ...(action.index === undefined ? {} : { index: action.index }),
    },
  ];
}
