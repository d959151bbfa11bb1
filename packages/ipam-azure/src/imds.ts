import { messageOf, NetloomError, type AbortOptions } from "@netloom/core";
import type { CloudInstance } from "@netloom/ipam-cloud";

export interface AzureInstanceOptions extends AbortOptions {
  /** @defaultValue `http://169.254.169.254` */
  readonly endpoint?: string;
  /** Of the answer, in milliseconds. @defaultValue 5000 */
  readonly timeout?: number;
}

/** What the instance metadata service says of the machine, as far as it is read. */
interface Metadata {
  readonly compute?: {
    readonly resourceId?: string;
    readonly vmId?: string;
    readonly vmSize?: string;
    readonly location?: string;
    readonly zone?: string;
  };
}

const VERSION = "2021-02-01";

/**
 * Which machine this process runs on, as Azure's instance metadata service tells: `instance` is its resource id, `#` and its
 * `vmId`.
 *
 * @throws {@link NetloomError} `ERR_CLOUD_UNAVAILABLE` where there is no such service, or it does not say.
 */
export async function azureInstance(options: AzureInstanceOptions = {}): Promise<CloudInstance> {
  const { endpoint = "http://169.254.169.254", timeout = 5000, signal } = options;
  const ends = [AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])];
  const { compute } = await read(
    `${endpoint}/metadata/instance?api-version=${VERSION}&format=json`,
    AbortSignal.any(ends),
  );
  const { resourceId, vmId, vmSize, location, zone } = compute ?? {};
  if (!resourceId || !vmId) throw unavailable("it does not say which machine this is");
  return {
    instance: `${resourceId}#${vmId}`,
    ...(zone ? { zone: `${location}-${zone}` } : {}),
    ...(vmSize ? { instanceType: vmSize } : {}),
  };
}

async function read(url: string, signal: AbortSignal): Promise<Metadata> {
  try {
    const { status, text } = await ask(url, signal);
    if (status !== 200) throw unavailable(`it answers ${status}`);
    return JSON.parse(text) as Metadata;
  } catch (cause) {
    if (cause instanceof NetloomError) throw cause;
    throw unavailable(messageOf(cause), cause);
  }
}

/** With an agent of its own: a proxy, which `fetch` may go by, is perhaps a machine too, and would say who it is itself. */
async function ask(
  url: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  const { request } = await import("node:http");
  const options = {
    headers: { metadata: "true" },
    agent: false,
    signal,
  } as const;
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on("error", reject).end();
  });
}

function unavailable(why: string, cause?: unknown): NetloomError {
  return new NetloomError("ERR_CLOUD_UNAVAILABLE", `Azure's instance metadata cannot be read: ${why}`, {
    remedy: "run on an Azure machine, let its pods reach 169.254.169.254, or give the instance as an option",
    retryable: true,
    backend: "azure",
    cause,
  });
}
