import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { azureProvider, type AzureProviderOptions } from "@netloom/ipam-azure";
import type { CloudCall, CloudProvider } from "@netloom/ipam-cloud";
import { credential } from "./stage.ts";

export interface Reply {
  /** @defaultValue 200 */
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection breaks instead. */
  readonly lost?: true;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

const GROUP = "/subscriptions/s/resourceGroups/g/providers";
const MACHINE = `${GROUP}/Microsoft.Compute/virtualMachines/m`;
export const NIC = `${GROUP}/Microsoft.Network/networkInterfaces/nic`;
export const SUBNET = `${GROUP}/Microsoft.Network/virtualNetworks/v/subnets/a`;

export const node = { name: "node1", instance: MACHINE };

/** A configuration of an interface, as Azure shows it. */
export function configuration(name: string, address: string, rest: object = {}): object {
  return {
    name,
    properties: {
      provisioningState: "Succeeded",
      privateIPAddress: address,
      privateIPAllocationMethod: "Dynamic",
      privateIPAddressVersion: "IPv4",
      primary: false,
      subnet: { id: SUBNET },
      ...rest,
    },
  };
}

export const PRIMARY = configuration("primary", "10.0.0.4", { primary: true });

/** An interface, as Azure shows it. */
export function nic(configurations: readonly object[] = [PRIMARY], rest: object = {}): object {
  return {
    id: NIC,
    name: "nic",
    etag: 'W/"1"',
    location: "here",
    properties: {
      provisioningState: "Succeeded",
      primary: true,
      virtualMachine: { id: MACHINE },
      ipConfigurations: configurations,
      ...rest,
    },
  };
}

export const machine = {
  id: MACHINE,
  location: "here",
  properties: {
    vmId: "vm-1",
    hardwareProfile: { vmSize: "Standard_D8s_v5" },
    networkProfile: { networkInterfaces: [{ id: NIC, properties: { primary: true } }] },
  },
};

export function refusal(status: number, code: string, message = code, headers = {}): Reply {
  return { status, body: { error: { code, message } }, headers };
}

/** Azure as a list of answers, in order. The last one is given again and again. */
export class Canned implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(replies: (url: string) => readonly Reply[]): Promise<Canned> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const canned = new Canned(server);
    const all = replies(canned.url);
    server.on("request", (request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        const {
          status = 200,
          body,
          headers = {},
          lost,
        } = all[Math.min(canned.received.length, all.length - 1)]!;
        const { method = "", url = "", headers: sent } = request;
        const path = new URL(url, canned.url).pathname;
        canned.received.push({
          method,
          path,
          headers: sent,
          body: text === "" ? undefined : JSON.parse(text),
        });
        if (lost) response.destroy();
        else
          response
            .writeHead(status, { "content-type": "application/json", ...headers })
            .end(JSON.stringify(body));
      });
    });
    return canned;
  }

  provider(options: Partial<AzureProviderOptions> = {}): CloudProvider {
    return azureProvider({ subscription: "s", credential, endpoint: this.url, pollInterval: 0, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

/** A call that lets everything pass, and says what it let. */
export function callOf(intent = "grow-1"): CloudCall & { readonly actions: string[] } {
  const actions: string[] = [];
  return {
    signal: new AbortController().signal,
    intent,
    actions,
    async admit(action) {
      actions.push(action);
    },
  };
}

export const single = { node, interface: NIC, family: 4, prefix: 32, count: 1 } as const;
export const block = { ...single, prefix: 28 } as const;
