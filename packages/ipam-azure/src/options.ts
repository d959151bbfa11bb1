import type { Clock } from "@netloom/core";
import type { CloudIpamOptions, ThrottleBucket } from "@netloom/ipam-cloud";
import type { AzureClients, AzureCredential } from "./clients.ts";

/** On their own, those of flexible scale sets among them; or instances of uniform scale sets. */
export type AzureMachineKind = "standalone" | "scale-set";

export interface AzureProviderOptions {
  /** Id of the subscription that the machines are in. */
  readonly subscription: string;
  /** Where they are, e.g. `westeurope`: throttles are shared with nobody elsewhere. @defaultValue any */
  readonly location?: string;
  /** E.g. `DefaultAzureCredential` of `@azure/identity`. Not needed where `clients` are given. */
  readonly credential?: AzureCredential;
  /**
   * What kind the machines are: only those on their own can have `blocks` and addresses of one's choice.
   *
   * @defaultValue "standalone"
   */
  readonly machines?: AzureMachineKind;
  /**
   * Machines on their own have blocks, a `/28` as one IP configuration: a preview, which the subscription must be registered
   * for.
   *
   * @defaultValue false
   */
  readonly blocks?: boolean;
  /** The mark of interfaces, and of machines, that are the cluster's: the value of their tag `netloom:cluster`. @defaultValue "default" */
  readonly cluster?: string;
  /** IP configurations of one interface, its own included; a block is one. @defaultValue 256 */
  readonly addressesPerInterface?: number;
  /** The same of a machine. @defaultValue 256 */
  readonly addressesPerMachine?: number;
  /** In place of {@link AZURE_THROTTLES}. */
  readonly throttles?: readonly ThrottleBucket[];
  /** Of the resource manager, with `https`, or with `http` on the loopback interface. @defaultValue that of the public cloud */
  readonly endpoint?: string;
  /** Made with `retryOptions: { maxRetries: 0 }`: what is to be tried again is decided elsewhere. @defaultValue loaded on first use */
  readonly clients?: AzureClients | (() => Promise<AzureClients>);
  /** Between two looks at an operation, where Azure does not say, in milliseconds. @defaultValue 1000 */
  readonly pollInterval?: number;
  /** @defaultValue the system's */
  readonly clock?: Clock;
}

export interface AzureOptions extends AzureProviderOptions, Omit<CloudIpamOptions, "provider" | "instance"> {
  /** The machine this node is: its resource id. @defaultValue what Azure's instance metadata service says */
  readonly instance?: CloudIpamOptions["instance"];
}
