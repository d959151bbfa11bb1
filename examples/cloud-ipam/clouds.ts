import type { EC2Client } from "@aws-sdk/client-ec2";
import type { CloudNode } from "@netloom/ipam-cloud";
import { simCloud, type SimCloud } from "@netloom/sim-cloud";
import { arm, serveArm, serveCompute, serveEc2 } from "@netloom/sim-cloud/http";
import { AcmeStandIn } from "./acme/stand-in.ts";

/**
 * Four clouds in this process, with a node in each. Three speak their vendors' APIs on the loopback interface, so that what
 * runs is the real SDK. On a node of a real cloud there is no such file: its instance, credentials and endpoints are found.
 */
export interface Clouds extends AsyncDisposable {
  readonly ec2: { readonly node: CloudNode; readonly client: () => Promise<EC2Client> };
  readonly azure: { readonly node: CloudNode; readonly endpoint: string };
  readonly google: { readonly node: CloudNode; readonly endpoint: URL };
  readonly acme: { readonly node: CloudNode; readonly client: AcmeStandIn };
}

export async function startClouds(): Promise<Clouds> {
  const [ec2, azure, google] = [vpc("10.1.0.0/20"), vpc("10.2.0.0/20"), vpc("10.3.0.0/20")];
  const acme = new AcmeStandIn();
  acme.launch("machine-1");
  const servers = await Promise.all([serveEc2(ec2.sim), serveArm(azure.sim), serveCompute(() => google.sim)]);
  const [ec2Url, azureUrl, googleUrl] = servers.map(({ url }) => url) as [string, string, string];
  return {
    ec2: { node: ec2.node, client: () => ec2Client(ec2Url) },
    azure: { node: arm.node(azure.node, "standalone"), endpoint: azureUrl },
    google: { node: google.node, endpoint: new URL(googleUrl) },
    acme: { node: { name: "node1", instance: "machine-1" }, client: acme },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

/** A network with one subnet, and one node in it. */
function vpc(cidr: string): { readonly sim: SimCloud; readonly node: CloudNode } {
  const sim = simCloud({ pools: [{ id: "subnet-a", cidrs: [cidr] }] });
  return { sim, node: sim.launch({ name: "node1", type: "large", pool: "subnet-a" }) };
}

async function ec2Client(endpoint: string): Promise<EC2Client> {
  const { EC2Client } = await import("@aws-sdk/client-ec2");
  const credentials = { accessKeyId: "example", secretAccessKey: "example" };
  return new EC2Client({ region: "eu-west-1", endpoint, credentials, maxAttempts: 1 });
}
