import { NetloomError } from "@netloom/core";
import type { CloudInstance, CloudIpamOptions, ThrottleBucket } from "@netloom/ipam-cloud";
import type { ComputeClientOptions, ComputeClients } from "./clients.ts";
import type { ComputeOptions } from "./compute.ts";
import { metadataServer, type Metadata } from "./metadata.ts";
import { DEFAULT_THROTTLES } from "./throttles.ts";

/** How a provider reaches Compute Engine, and what of it pods get. */
export interface GkeProviderOptions {
  /** Id of the project the instances are in. @defaultValue what the metadata server says */
  readonly project?: string;
  /** The secondary range of the subnetwork that pods have addresses of. @defaultValue the primary range */
  readonly rangeName?: string;
  /** Prefix length of blocks, 8 to 31: Google gives any. @defaultValue 28 */
  readonly blockPrefix?: number;
  /** Alias ranges of an interface at most, those of other ranges of the subnetwork among them. @defaultValue 150 */
  readonly rangesPerInterface?: number;
  /** Clients of `@google-cloud/compute`, or how to make them. @defaultValue made with `clientOptions` on first use */
  readonly clients?: ComputeClients | (() => Promise<ComputeClients>);
  /** Credentials and endpoint. @defaultValue the environment's, and Google's */
  readonly clientOptions?: ComputeClientOptions;
  /** The project's quotas, where they are not 1500 requests a minute for each group of methods. */
  readonly throttles?: readonly ThrottleBucket[];
  /** Of one request, in milliseconds. @defaultValue 60000 */
  readonly timeout?: number;
  /** @defaultValue Compute Engine's server */
  readonly metadata?: Metadata;
  /** Milliseconds since 1970. @defaultValue the system's clock */
  readonly now?: () => number;
}

/** The ranges that the instance was created with are its pods'. */
export interface GkeNodeOptions {
  /** @defaultValue "node" */
  readonly range?: "node";
  /**
   * Which of the first interface's alias ranges are for pods, by their CIDRs and places.
   * @defaultValue the first, as in GKE
   */
  readonly usable?: (cidr: string, index: number) => boolean;
  /** @defaultValue Compute Engine's server */
  readonly metadata?: Metadata;
  readonly times?: CloudIpamOptions["times"];
}

/** Alias ranges come and go with the pods. */
export interface GkeDynamicOptions extends GkeProviderOptions, Pick<CloudIpamOptions, "policy" | "times"> {
  readonly range: "dynamic";
  /** @defaultValue what the metadata server says */
  readonly instance?: CloudInstance | (() => Promise<CloudInstance>);
}

export interface GkeProviderConfig extends ComputeOptions {
  /** Whose quotas these are. */
  readonly account: string;
  readonly rangeName: string | undefined;
  readonly blockPrefix: number;
  readonly rangesPerInterface: number;
  readonly throttles: readonly ThrottleBucket[];
}

const PROVIDER = [
  "project",
  "rangeName",
  "blockPrefix",
  "rangesPerInterface",
  "clients",
  "clientOptions",
  "throttles",
  "timeout",
  "metadata",
  "now",
];
const NODE = ["range", "usable", "metadata", "times"];
const DYNAMIC = [...PROVIDER, "range", "policy", "times", "instance"];

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checkIpamOptions(options: GkeNodeOptions | GkeDynamicOptions): void {
  const { range = "node" } = options;
  if (range !== "node" && range !== "dynamic")
    throw invalid(`option range is ${JSON.stringify(range)}`, range, 'write "node" or "dynamic"');
  checkNames(options, range === "node" ? NODE : DYNAMIC, `with range "${range}"`);
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function parseProviderOptions(options: GkeProviderOptions): GkeProviderConfig {
  checkNames(options, PROVIDER, "of a provider");
  const { project, rangeName, blockPrefix = 28, clients, clientOptions = {}, timeout = 60_000 } = options;
  if (!Number.isInteger(blockPrefix) || blockPrefix < 8 || blockPrefix > 31)
    throw invalid(`option blockPrefix is ${String(blockPrefix)}`, blockPrefix, "write 8 to 31");
  const { rangesPerInterface = 150 } = options;
  if (!Number.isInteger(rangesPerInterface) || rangesPerInterface < 1)
    throw invalid(
      `option rangesPerInterface is ${String(rangesPerInterface)}`,
      rangesPerInterface,
      "write 1 or more",
    );
  if (!(timeout > 0)) throw invalid(`option timeout is ${String(timeout)}`, timeout, "write milliseconds");
  if (project === "" || rangeName === "")
    throw invalid("project and rangeName cannot be empty", "", "name them, or leave them out");
  const { metadata = metadataServer(), throttles = DEFAULT_THROTTLES, now = Date.now } = options;
  return {
    project: project === undefined ? ownProject(metadata) : async () => project,
    account: project ?? "own",
    rangeName,
    blockPrefix,
    rangesPerInterface,
    clients: clients === undefined || typeof clients === "function" ? clients : async () => clients,
    clientOptions,
    throttles,
    timeout,
    now,
  };
}

/** Asked once, if it was answered. */
function ownProject(metadata: Metadata): () => Promise<string> {
  let known: string | undefined;
  return async () => {
    known ??= (await metadata("project/project-id"))?.trim();
    if (known !== undefined) return known;
    throw new NetloomError(
      "ERR_CLOUD_UNAVAILABLE",
      "the metadata server does not say which project this is",
      {
        remedy: "state it: project",
        retryable: true,
        backend: "gke",
      },
    );
  };
}

function checkNames(options: object, names: readonly string[], where: string): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw invalid(`there is no option ${unknown} ${where}`, unknown, `the options are ${names.join(", ")}`);
}

function invalid(message: string, input: unknown, remedy: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", message, { input, remedy, backend: "gke" });
}
