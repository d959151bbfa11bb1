import { messageOf, NetloomError, type AbortOptions } from "@netloom/core";

/**
 * What the instance's metadata server says at a path below `/computeMetadata/v1/`, e.g. `instance/id`; `undefined` where
 * there is nothing.
 *
 * @throws {@link NetloomError} `ERR_CLOUD_UNAVAILABLE`, `ERR_PERMISSION`.
 */
export type Metadata = (path: string, options?: AbortOptions) => Promise<string | undefined>;

/** In milliseconds. It is on the same machine. */
const TIMEOUT = 5000;

/**
 * Compute Engine's, which is there on every instance and asks for no permission.
 *
 * @param host - with a port where it is not 80; by default what the environment variable `GCE_METADATA_HOST` says, or
 *   `metadata.google.internal`
 */
export function metadataServer(host?: string): Metadata {
  return async (path, { signal } = {}) => {
    signal?.throwIfAborted();
    const server = host ?? process.env["GCE_METADATA_HOST"] ?? "metadata.google.internal";
    const ends = AbortSignal.any([AbortSignal.timeout(TIMEOUT), ...(signal === undefined ? [] : [signal])]);
    let response: Response;
    let text: string;
    try {
      response = await fetch(`http://${server}/computeMetadata/v1/${path}`, {
        headers: { "Metadata-Flavor": "Google" },
        redirect: "error",
        signal: ends,
      });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      throw unavailable(`the metadata server ${server} does not answer: ${messageOf(cause)}`, cause);
    }
    // Something else may answer under its name.
    if (response.headers.get("metadata-flavor") !== "Google")
      throw unavailable(`what answers at ${server} is not Compute Engine's metadata server`);
    if (response.ok) return text;
    if (response.status === 404) return undefined;
    if (response.status !== 401 && response.status !== 403)
      throw unavailable(`the metadata server ${server} answers ${response.status} to ${path}`);
    throw new NetloomError("ERR_PERMISSION", `the metadata server does not tell ${path}`, {
      input: path,
      remedy:
        "run in the host's network namespace: GKE's own metadata server hides from pods what this needs",
      backend: "gke",
    });
  };
}

/** An interface, as far as IPAM cares. */
export interface MetadataInterface {
  readonly ip: string;
  readonly mac?: string;
  readonly gateway?: string;
  /** CIDRs; single addresses with or without `/32`. */
  readonly ipAliases?: readonly string[];
}

/** The instance's first interface. */
export async function readInterface(
  metadata: Metadata,
  options: AbortOptions,
): Promise<MetadataInterface | undefined> {
  const text = await metadata("instance/network-interfaces/0/?recursive=true&alt=json", options);
  return text === undefined ? undefined : (JSON.parse(text) as MetadataInterface);
}

/**
 * Which instance this is.
 *
 * @throws {@link NetloomError} `ERR_CLOUD_UNAVAILABLE` where the server does not say.
 */
export async function readIdentity(
  metadata: Metadata,
): Promise<{ readonly instance: string; readonly zone: string }> {
  const [instance, zone] = [await metadata("instance/id"), await metadata("instance/zone")];
  if (instance === undefined || zone === undefined)
    throw unavailable("the metadata server does not say which instance this is");
  // projects/123456789/zones/europe-west1-b
  return { instance: instance.trim(), zone: zone.trim().slice(zone.lastIndexOf("/") + 1) };
}

function unavailable(message: string, cause?: unknown): NetloomError {
  return new NetloomError("ERR_CLOUD_UNAVAILABLE", message, {
    remedy: "run on a Compute Engine instance, or say where its metadata server is: GCE_METADATA_HOST",
    retryable: true,
    backend: "gke",
    cause,
  });
}
