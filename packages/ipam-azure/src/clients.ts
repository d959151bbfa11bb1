import type { ComputeManagementClient } from "@azure/arm-compute";
import type { NetworkManagementClient } from "@azure/arm-network";
import { gate } from "./gate.ts";

/** What gives tokens, e.g. `DefaultAzureCredential` of `@azure/identity`. */
export type AzureCredential = ConstructorParameters<typeof NetworkManagementClient>[0];

/** The SDK's clients. */
export interface AzureClients {
  readonly network: NetworkManagementClient;
  readonly compute: ComputeManagementClient;
}

export interface ClientOptions {
  readonly credential: AzureCredential;
  readonly subscription: string;
  readonly endpoint?: string;
}

type Pipeline = NetworkManagementClient["pipeline"];
type Policy = Parameters<Pipeline["addPolicy"]>[0];

const BEARER = "bearerTokenAuthenticationPolicy";

/** Clients that retry nothing. The SDK is loaded here, and not before. */
export async function loadClients(options: ClientOptions): Promise<AzureClients> {
  const { credential, subscription, endpoint } = options;
  const [{ NetworkManagementClient }, { ComputeManagementClient }] = await Promise.all([
    import("@azure/arm-network"),
    import("@azure/arm-compute"),
  ]);
  const scopes = endpoint === undefined ? undefined : [`${endpoint.replace(/\/$/, "")}/.default`];
  const insecure = endpoint !== undefined && isLoopback(endpoint);
  const settings = {
    retryOptions: { maxRetries: 0 },
    ...(endpoint === undefined ? {} : { endpoint, credentials: { scopes: scopes! } }),
    ...(insecure ? { allowInsecureConnection: true } : {}),
  };
  const network = new NetworkManagementClient(credential, subscription, settings);
  const compute = new ComputeManagementClient(credential, subscription, settings);
  if (insecure) for (const { pipeline } of [network, compute]) sendTokens(pipeline, credential, scopes!);
  return { network, compute };
}

/** From here on, what the clients send for a {@link CloudCall} is let through by it. Others' requests pass as before. */
export function gated(clients: AzureClients): AzureClients {
  for (const { pipeline } of [clients.network, clients.compute])
    if (!pipeline.getOrderedPolicies().includes(gate)) pipeline.addPolicy(gate, { afterPhase: "Sign" });
  return clients;
}

/** The SDK sends no tokens in the clear. Within the machine there is nobody to hear them. */
function sendTokens(pipeline: Pipeline, credential: AzureCredential, scopes: string[]): void {
  const policy: Policy = {
    name: BEARER,
    async sendRequest(request, next) {
      const token = await credential.getToken(scopes);
      if (token !== null) request.headers.set("authorization", `Bearer ${token.token}`);
      return next(request);
    },
  };
  pipeline.removePolicy({ name: BEARER });
  pipeline.addPolicy(policy);
}

function isLoopback(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  return protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
