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
    let answer: Answer;
    try {
      answer = await ask(`http://${server}/computeMetadata/v1/${path}`, ends);
    } catch (cause) {
      signal?.throwIfAborted();
      throw unavailable(`the metadata server ${server} does not answer: ${messageOf(cause)}`, cause);
    }
    // Something else may answer under its name.
    const { status, flavor, text } = answer;
    if (flavor !== "Google")
      throw unavailable(`what answers at ${server} is not Compute Engine's metadata server`);
    if (status === 200) return text;
    if (status === 404) return undefined;
    if (status !== 401 && status !== 403)
      throw unavailable(`the metadata server ${server} answers ${status} to ${path}`);
    throw new NetloomError("ERR_PERMISSION", `the metadata server does not tell ${path}`, {
      input: path,
      remedy:
        "run in the host's network namespace: GKE's own metadata server hides from pods what this needs",
      backend: "gke",
    });
  };
}

interface Answer {
  readonly status: number;
  /** Who answers. */
  readonly flavor: string | undefined;
  readonly text: string;
}

/** With an agent of its own: a proxy, which `fetch` may go by, is perhaps an instance too, and would say who it is itself. */
async function ask(url: string, signal: AbortSignal): Promise<Answer> {
  const { request } = await import("node:http");
  const options = { headers: { "Metadata-Flavor": "Google" }, agent: false, signal } as const;
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      const { statusCode: status = 0, headers } = response;
      const flavor = headers["metadata-flavor"]?.toString();
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("error", reject);
      response.once("end", () => resolve({ status, flavor, text }));
    });
    sent.on("error", reject).end();
  });
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
