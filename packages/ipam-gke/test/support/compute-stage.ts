import {
  gkeProvider,
  type ComputeClientOptions,
  type ComputeClients,
  type GkeProvider,
  type GkeProviderOptions,
} from "@netloom/ipam-gke";
import { simStage, type SimCloud, type SimStage } from "@netloom/sim-cloud";
import { serveCompute, type CloudServer } from "@netloom/sim-cloud/http";
import { sdkClients } from "../../src/clients.ts";

/** Each cloud is a project of one server: Google's clients take a while to make, and are made once. */
const projects = new Map<string, SimCloud>();
let server: Promise<CloudServer> | undefined;
let clients: Promise<ComputeClients> | undefined;

/** What whoever speaks to a simulated cloud must not tell. */
export const API_KEY = "sim-api-key-0123456789";

function sharedServer(): Promise<CloudServer> {
  server ??= serveCompute((project) => projects.get(project));
  return server;
}

/** Google's own clients, on the loopback interface. */
export function sharedClients(): Promise<ComputeClients> {
  clients ??= sharedServer().then(({ url }) => sdkClients(clientOptions(url)));
  return clients;
}

/** For an SDK whose API is at this URL. An API key needs no token. */
function clientOptions(url: string): ComputeClientOptions {
  const { hostname, port } = new URL(url);
  return { apiEndpoint: hostname, port: Number(port), protocol: "http", apiKey: API_KEY };
}

export function projectOf(sim: SimCloud): string {
  const known = [...projects].find(([, other]) => other === sim)?.[0];
  const project = known ?? `project-${projects.size + 1}`;
  projects.set(project, sim);
  return project;
}

export function providerFor(sim: SimCloud, options: GkeProviderOptions = {}): GkeProvider {
  return gkeProvider({ project: projectOf(sim), clients: sharedClients, ...options });
}

/** A stage whose provider speaks to the cloud through the SDK and HTTP. */
export function computeStage(options: GkeProviderOptions = {}): SimStage {
  const stage = simStage((sim) => providerFor(sim, options), {
    permission: (action) => `compute.${action}`,
  });
  return { ...stage, secret: API_KEY };
}
