import { NetloomError } from "@netloom/core";

/** An alias range as Google writes it: `10.1.2.3`, `10.1.2.3/32`, `10.1.2.0/28`, or to be chosen: `/28`. */
export interface ComputeAliasRange {
  readonly ipCidrRange?: string | null;
  /** The subnetwork's secondary range it is from; nothing for the primary one. */
  readonly subnetworkRangeName?: string | null;
}

export interface ComputeInterface {
  readonly name?: string | null;
  readonly networkIP?: string | null;
  readonly fingerprint?: string | null;
  readonly subnetwork?: string | null;
  readonly aliasIpRanges?: readonly ComputeAliasRange[] | null;
}

export interface ComputeInstance {
  readonly networkInterfaces?: readonly ComputeInterface[] | null;
}

export interface ComputeSubnetwork {
  readonly name?: string | null;
  readonly ipCidrRange?: string | null;
  readonly secondaryIpRanges?:
    | readonly { readonly rangeName?: string | null; readonly ipCidrRange?: string | null }[]
    | null;
  readonly utilizationDetails?: {
    readonly ipv4Utilizations?:
      | readonly { readonly rangeName?: string | null; readonly totalFreeIp?: unknown }[]
      | null;
  } | null;
}

export interface ComputeOperation {
  readonly name?: string | null;
  readonly status?: unknown;
  readonly error?: {
    readonly errors?: readonly { readonly code?: string | null; readonly message?: string | null }[] | null;
  } | null;
}

/** Of one request. */
export interface ComputeCallOptions {
  /** The SDK is to send it once: whether it is sent again is decided above it. */
  readonly retry: null;
  /** In milliseconds. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

type Call<Request, Answer> = (
  request: Request,
  options: ComputeCallOptions,
) => Promise<readonly [Answer, ...unknown[]]>;

type InZone<More> = { readonly project: string; readonly zone: string } & Readonly<More>;

interface Client {
  initialize(): Promise<unknown>;
}

/** What is used of the clients of `@google-cloud/compute`, which are such. */
export interface ComputeClients {
  /** Where the API is. @defaultValue `https://compute.googleapis.com/compute/v1`, or the client's own endpoint */
  readonly root?: string;
  readonly instances: Client & {
    readonly get: Call<InZone<{ instance: string }>, ComputeInstance>;
    readonly updateNetworkInterface: Call<
      InZone<{
        instance: string;
        networkInterface: string;
        requestId: string;
        networkInterfaceResource: { fingerprint: string; aliasIpRanges: ComputeAliasRange[] };
      }>,
      { readonly latestResponse: unknown }
    >;
    readonly apiEndpoint?: string;
    /** Sends a request of any shape, with credentials. */
    readonly auth: {
      request(request: {
        readonly url: string;
        readonly method: "PATCH";
        readonly params: Readonly<Record<string, string>>;
        readonly data: Readonly<Record<string, unknown>>;
        readonly timeout: number;
        readonly signal: AbortSignal;
        readonly retry: false;
      }): Promise<{ readonly data: unknown }>;
    };
  };
  readonly machineTypes: Client & {
    readonly get: Call<InZone<{ machineType: string }>, unknown>;
  };
  readonly subnetworks: Client & {
    readonly get: Call<
      {
        readonly project: string;
        readonly region: string;
        readonly subnetwork: string;
        readonly views: string;
      },
      ComputeSubnetwork
    >;
  };
  readonly zoneOperations: Client & {
    readonly wait: Call<InZone<{ operation: string }>, ComputeOperation>;
  };
}

/** What the SDK's clients are made with: credentials, and where the API is, if not at `compute.googleapis.com`. */
export interface ComputeClientOptions {
  readonly apiEndpoint?: string;
  /** @defaultValue 443 */
  readonly port?: number;
  /** @defaultValue "https" */
  readonly protocol?: string;
  /** Whatever else `InstancesClient` of the SDK takes, e.g. `keyFilename`. */
  readonly [option: string]: unknown;
}

/**
 * Loads the SDK, which takes a second or more and some 120 megabytes, and makes its clients.
 *
 * @throws {@link NetloomError} `ERR_UNSUPPORTED` where it is not installed.
 */
export async function sdkClients(options: ComputeClientOptions = {}): Promise<ComputeClients> {
  const sdk = await import("@google-cloud/compute").catch((cause: unknown) => {
    throw new NetloomError("ERR_UNSUPPORTED", "@google-cloud/compute cannot be loaded", {
      remedy: "npm install @google-cloud/compute",
      backend: "gke",
      cause,
    });
  });
  // REST over HTTP/1.1: Compute Engine has no gRPC.
  const settings = { fallback: true, ...options };
  const instances = new sdk.InstancesClient(settings);
  // One token serves them all.
  const shared = { ...settings, auth: instances.auth };
  const { protocol = "https", apiEndpoint = instances.apiEndpoint, port = 443 } = options;
  // Each takes a while to make, and not all are needed.
  const machineTypes = once(() => new sdk.MachineTypesClient(shared));
  const subnetworks = once(() => new sdk.SubnetworksClient(shared));
  const zoneOperations = once(() => new sdk.ZoneOperationsClient(shared));
  return {
    root: `${protocol}://${apiEndpoint}:${port}/compute/v1`,
    instances,
    get machineTypes() {
      return machineTypes();
    },
    get subnetworks() {
      return subnetworks();
    },
    get zoneOperations() {
      return zoneOperations();
    },
  };
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
