import { NetloomError } from "@netloom/core";
import type * as Sdk from "@aws-sdk/client-ec2";

export interface ClientOptions {
  /** A client of `@aws-sdk/client-ec2`, or how to come by one. Made with `maxAttempts: 1`. */
  readonly client?: Sdk.EC2Client | (() => Promise<Sdk.EC2Client>);
  /** @defaultValue what the SDK finds: `AWS_REGION`, its configuration file */
  readonly region?: string | (() => Promise<string | undefined>);
  /** URL of the API, e.g. of a VPC endpoint. @defaultValue the region's */
  readonly endpoint?: string;
  /** For an answer of the API, in milliseconds. @defaultValue 30000 */
  readonly requestTimeout?: number;
}

/** The SDK, loaded, and a client that sends each request once. */
export async function makeClient(
  options: ClientOptions,
): Promise<{ readonly sdk: typeof Sdk; readonly client: Sdk.EC2Client }> {
  const sdk = await load();
  const { client: given } = options;
  const client =
    given === undefined ? await newClient(sdk, options) : typeof given === "function" ? await given() : given;
  const attempts = await client.config.maxAttempts();
  if (attempts === 1) return { sdk, client };
  throw new NetloomError("ERR_OPTIONS_INVALID", `option client sends requests up to ${attempts} times`, {
    input: attempts,
    // EC2 would assign twice: its requests for so many addresses have no token.
    remedy: "make it with maxAttempts: 1; what can be sent again is",
    backend: "aws-eni",
  });
}

async function load(): Promise<typeof Sdk> {
  try {
    return await import("@aws-sdk/client-ec2");
  } catch (cause) {
    throw new NetloomError("ERR_UNSUPPORTED", "the SDK of EC2 cannot be loaded", {
      input: "@aws-sdk/client-ec2",
      remedy: "npm install @aws-sdk/client-ec2",
      backend: "aws-eni",
      cause,
    });
  }
}

async function newClient(
  sdk: typeof Sdk,
  { region: given, endpoint, requestTimeout = 30_000 }: ClientOptions,
): Promise<Sdk.EC2Client> {
  const region = typeof given === "function" ? await given() : given;
  return new sdk.EC2Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 1,
    // Without a limit an answer that is lost is waited for for ever.
    requestHandler: { connectionTimeout: 5000, requestTimeout, throwOnRequestTimeout: true },
  });
}
