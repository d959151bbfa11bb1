import type { NetworkInterface } from "@azure/arm-network";
import { CloudError, type CloudCall } from "@netloom/ipam-cloud";
import { classify } from "./classify.ts";
import type { AzureClients } from "./clients.ts";
import type { WantedConfiguration } from "./configurations.ts";
import type { Polling } from "./operation.ts";
import { isSame, type MachineId } from "./resource-id.ts";

/** What is known of a machine without asking for its interfaces. */
export interface Machine {
  readonly size: string | undefined;
  /** In the machine's order. */
  readonly interfaces: readonly { readonly id: string; readonly deleteWithInstance: boolean }[];
  readonly tags: Readonly<Record<string, string>>;
}

/** A machine with its interfaces; of one in a scale set, one version counts for all. */
export interface Inventory extends Machine {
  readonly nics: readonly { readonly nic: NetworkInterface; readonly deleteWithInstance: boolean }[];
  readonly version: string | undefined;
}

/** An interface that is to be changed, as it was read. */
export interface Found {
  readonly nic: NetworkInterface;
  readonly version: string | undefined;
  /** Azure takes the whole set: resolves to the interface as it is then. */
  replace(edit: Edit): Promise<NetworkInterface>;
}

/** What a set of configurations gets, and loses, by name. */
export interface Edit {
  readonly add?: readonly WantedConfiguration[];
  readonly remove?: ReadonlySet<string>;
}

/** One of the two ways in which Azure has machines. */
export interface Machines {
  /** `undefined` where it is gone. */
  machine(): Promise<Machine | undefined>;
  /** `undefined` where it is gone. */
  inventory(): Promise<Inventory | undefined>;
  /** @throws {@link CloudError} `gone` */
  find(id: string): Promise<Found>;
}

/** What both ways are given. */
export interface Access<Kind extends MachineId["kind"]> {
  readonly machine: MachineId & { readonly kind: Kind };
  readonly clients: AzureClients;
  readonly call: CloudCall;
  readonly polling: Polling;
}

/** Of either kind of machine, as far as they are alike. */
interface MachineBody {
  readonly vmId?: string;
  readonly tags?: Record<string, string>;
  readonly hardwareProfile?: { readonly vmSize?: string };
  readonly sku?: { readonly name?: string };
  readonly networkProfile?: {
    readonly networkInterfaces?: readonly { readonly id?: string; readonly deleteOption?: string }[];
  };
}

/** `undefined` where another machine has the name now. */
export function machineOf(expected: MachineId, body: MachineBody): Machine | undefined {
  if (expected.vmId !== undefined && !isSame(expected.vmId, body.vmId)) return undefined;
  return {
    size: body.hardwareProfile?.vmSize ?? body.sku?.name,
    interfaces: (body.networkProfile?.networkInterfaces ?? []).flatMap(({ id, deleteOption }) =>
      id === undefined
        ? []
        : [{ id, deleteWithInstance: expected.kind === "scale-set" || deleteOption === "Delete" }],
    ),
    tags: body.tags ?? {},
  };
}

/** What was asked for, or `undefined` where Azure says that there is no such thing. */
export async function found<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof CloudError) && classify(error).kind === "gone") return undefined;
    throw error;
  }
}

export function gone(what: "instance" | "interface", id: string): CloudError {
  return new CloudError({ kind: "gone", what }, `there is no ${id}`);
}
