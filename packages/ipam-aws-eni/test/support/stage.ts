import { EC2Client } from "@aws-sdk/client-ec2";
import { awsEniProvider, type AwsEniProviderOptions } from "@netloom/ipam-aws-eni";
import type { CloudProvider } from "@netloom/ipam-cloud";
import { simStage, type SimCloud, type SimStage } from "@netloom/sim-cloud";
import { serveEc2, type CloudServer } from "@netloom/sim-cloud/http";

export const CREDENTIALS = {
  accessKeyId: "AKIASIMULATED0000001",
  secretAccessKey: "sim-secret-access-key",
  sessionToken: "sim-session-token",
};

/** A client for what listens at `endpoint`. */
export function clientOf(endpoint: string, maxAttempts = 1): EC2Client {
  return new EC2Client({ endpoint, region: "eu-west-1", credentials: CREDENTIALS, maxAttempts });
}

/** The SDK, over HTTP, to a cloud in memory. */
export class Wire implements AsyncDisposable {
  readonly #sim: SimCloud;
  #opened: Promise<{ readonly server: CloudServer; readonly client: EC2Client }> | undefined;

  constructor(sim: SimCloud) {
    this.#sim = sim;
  }

  provider(options: Partial<AwsEniProviderOptions> = {}): CloudProvider {
    return awsEniProvider({
      cluster: "default",
      client: () => this.client(),
      clock: this.#sim.clock,
      ...options,
    });
  }

  async client(): Promise<EC2Client> {
    this.#opened ??= this.#open();
    return (await this.#opened).client;
  }

  async #open(): Promise<{ readonly server: CloudServer; readonly client: EC2Client }> {
    const server = await serveEc2(this.#sim);
    return { server, client: clientOf(server.url) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened;
    opened?.client.destroy();
    await opened?.server[Symbol.asyncDispose]();
  }
}

/** The conformance kit's stage, its provider's requests on the wire. */
export function wiredStage(): SimStage {
  let wire: Wire | undefined;
  const shape = (sim: SimCloud, { cluster = "default" }): CloudProvider => {
    wire ??= new Wire(sim);
    return wire.provider({ cluster });
  };
  const stage = simStage(shape, { permission: (action) => `ec2:${action}` });
  return { ...stage, [Symbol.asyncDispose]: async () => wire?.[Symbol.asyncDispose]() };
}
