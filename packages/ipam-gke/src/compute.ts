import { messageOf } from "@netloom/core";
import { CloudError, type CloudCall } from "@netloom/ipam-cloud";
import { faultOfCode, faultOfError } from "./classify.ts";
import {
  sdkClients,
  type ComputeAliasRange,
  type ComputeCallOptions,
  type ComputeClientOptions,
  type ComputeClients,
  type ComputeInstance,
  type ComputeInterface,
  type ComputeOperation,
  type ComputeSubnetwork,
} from "./clients.ts";
import type { SubnetworkName } from "./alias-ranges.ts";

/** Longer than the two minutes for which Google lets one wait for an operation. */
const WAIT = 150_000;

export interface ComputeOptions {
  readonly project: () => Promise<string>;
  readonly clients: (() => Promise<ComputeClients>) | undefined;
  readonly clientOptions: ComputeClientOptions;
  /** Of a request, in milliseconds. */
  readonly timeout: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Where an instance is. */
export interface Place {
  readonly zone: string;
  readonly instance: string;
}

type Client = Exclude<keyof ComputeClients, "root">;

/** The five requests to Compute Engine that IPAM makes: each sent once, admitted first, its error explained. */
export class Compute {
  readonly #options: ComputeOptions;
  #clients: Promise<ComputeClients> | undefined;

  constructor(options: ComputeOptions) {
    this.#options = options;
  }

  /** Loads what requests need. @throws NetloomError `ERR_UNSUPPORTED` where there is no SDK. */
  async open(): Promise<ComputeClients> {
    const { clients, clientOptions } = this.#options;
    this.#clients ??= clients?.() ?? sdkClients(clientOptions);
    try {
      return await this.#clients;
    } catch (error) {
      this.#clients = undefined;
      throw error;
    }
  }

  /** `undefined` where it is gone. */
  async getInstance(place: Place, call: CloudCall): Promise<ComputeInstance | undefined> {
    try {
      return await this.#send(call, "instances.get", "instances", async ({ instances }, project, options) => {
        const [answer] = await instances.get({ project, ...place }, options);
        return answer;
      });
    } catch (error) {
      if (isGone(error, "instance")) return undefined;
      throw error;
    }
  }

  /** Whether there is such a type in the zone. */
  async hasMachineType(zone: string, machineType: string, call: CloudCall): Promise<boolean> {
    try {
      await this.#send(call, "machineTypes.get", "machineTypes", ({ machineTypes }, project, options) =>
        machineTypes.get({ project, zone, machineType }, options),
      );
      return true;
    } catch (error) {
      if (error instanceof CloudError && error.fault.kind === "invalid") return false;
      throw error;
    }
  }

  getSubnetwork(name: SubnetworkName, call: CloudCall): Promise<ComputeSubnetwork> {
    return this.#send(call, "subnetworks.get", "subnetworks", async ({ subnetworks }, _, options) => {
      const [answer] = await subnetworks.get({ ...name, views: "WITH_UTILIZATION" }, options);
      return answer;
    });
  }

  /** Its alias ranges are these from now on, if nobody has changed it since. @returns the operation's name */
  async updateInterface(
    place: Place,
    nic: ComputeInterface,
    aliasIpRanges: readonly ComputeAliasRange[],
    requestId: string,
    call: CloudCall,
  ): Promise<string> {
    const fingerprint = nic.fingerprint ?? "";
    const networkInterface = nic.name ?? "nic0";
    const action = "instances.updateNetworkInterface";
    const answer = await this.#send(
      call,
      action,
      "instances",
      async ({ instances, root }, project, options) => {
        if (aliasIpRanges.length > 0) {
          const networkInterfaceResource = { fingerprint, aliasIpRanges: [...aliasIpRanges] };
          const request = { project, ...place, networkInterface, requestId, networkInterfaceResource };
          const [operation] = await instances.updateNetworkInterface(request, options);
          return operation.latestResponse;
        }
        // The SDK leaves empty lists out, and what a PATCH leaves out stays as it is.
        const { timeout, signal } = options;
        const api = root ?? `https://${instances.apiEndpoint ?? "compute.googleapis.com"}/compute/v1`;
        const { data } = await instances.auth.request({
          url: `${api}/projects/${project}/zones/${place.zone}/instances/${place.instance}/updateNetworkInterface`,
          method: "PATCH",
          params: { networkInterface, requestId },
          data: { fingerprint, aliasIpRanges: [] },
          timeout,
          signal,
          retry: false,
        });
        return data;
      },
    );
    const { name } = answer as ComputeOperation;
    if (name) return name;
    throw new CloudError({ kind: "ambiguous" }, "Google has not said which operation it began");
  }

  /** Until it has ended. What went wrong in it is thrown; that it cannot be told is `ambiguous`, whatever the reason. */
  async waitFor(zone: string, operation: string, call: CloudCall): Promise<void> {
    for (;;) {
      const asked = this.#send(
        call,
        "zoneOperations.wait",
        "zoneOperations",
        async ({ zoneOperations }, project, options) => {
          const [answer] = await zoneOperations.wait({ project, zone, operation }, options);
          return answer;
        },
        WAIT,
      );
      const { status, error } = await begun(asked);
      if (status !== "DONE") continue;
      const [first] = error?.errors ?? [];
      if (first === undefined) return;
      const [code, message] = [first.code ?? "", first.message ?? ""];
      throw new CloudError(faultOfCode(code, message), `${operation} ended in ${code}: ${message}`);
    }
  }

  async #send<Answer>(
    call: CloudCall,
    action: string,
    client: Client,
    send: (clients: ComputeClients, project: string, options: ComputeCallOptions) => Promise<Answer>,
    timeout = this.#options.timeout,
  ): Promise<Answer> {
    const { signal } = call;
    signal.throwIfAborted();
    const { clients, project } = await this.#ready(client, action, signal);
    await call.admit(action);
    signal.throwIfAborted();
    try {
      return await abortable(send(clients, project, { retry: null, timeout, signal }), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#explained(error, action);
    }
  }

  /** Credentials and project are there before a request is counted. */
  async #ready(
    client: Client,
    action: string,
    signal: AbortSignal,
  ): Promise<{ readonly clients: ComputeClients; readonly project: string }> {
    try {
      const [clients, project] = await abortable(Promise.all([this.open(), this.#options.project()]), signal);
      await abortable(clients[client].initialize(), signal);
      return { clients, project };
    } catch (error) {
      signal.throwIfAborted();
      // A client that found no credentials never looks again.
      this.#clients = undefined;
      throw this.#explained(error, action);
    }
  }

  /** Without the SDK's own error: it has the request in it, and with it perhaps a token. */
  #explained(error: unknown, action: string): CloudError {
    const fault = faultOfError(error, action, this.#options.now());
    return new CloudError(fault, `${action}: ${messageOf(error)}`);
  }
}

/** Asks after what has begun: where there is no answer, it may have happened. */
export async function begun<Answer>(asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    throw new CloudError({ kind: "ambiguous" }, `it is not known how an operation ended: ${error.message}`);
  }
}

export function isGone(error: unknown, what: "instance" | "interface"): boolean {
  return error instanceof CloudError && error.fault.kind === "gone" && error.fault.what === what;
}

/** Rejects when it is called off, whatever becomes of the promise. */
function abortable<Answer>(promise: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
