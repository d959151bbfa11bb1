import type { Ipam } from "@netloom/core";
import { awsEni } from "@netloom/ipam-aws-eni";
import { azure } from "@netloom/ipam-azure";
import { cloudIpam } from "@netloom/ipam-cloud";
import { clusterPool } from "@netloom/ipam-cluster-pool";
import { gke } from "@netloom/ipam-gke";
import { arm } from "@netloom/sim-cloud/http";
import { acme } from "./acme/provider.ts";
import type { Clouds } from "./clouds.ts";

/** The one line that changes, five times. What says where the cloud is, is for the clouds of this example. */
export const ipams: Readonly<Record<string, (clouds: Clouds) => Ipam>> = {
  "cluster-pool": () => clusterPool(),
  aws: ({ ec2 }) => awsEni({ cluster: "default", instance: ec2.node, client: ec2.client }),
  azure: ({ azure: { node, endpoint } }) =>
    azure({ subscription: arm.subscription, instance: node, endpoint, credential: anybody }),
  gke: ({ google: { node, endpoint } }) =>
    gke({ range: "dynamic", project: "example", instance: node, clientOptions: insecurely(endpoint) }),
  acme: ({ acme: { node, client } }) => cloudIpam({ provider: acme(client), instance: node }),
};

const anybody = { getToken: async () => ({ token: "example", expiresOnTimestamp: Date.now() + 3_600_000 }) };

function insecurely({ hostname, port }: URL) {
  return { apiEndpoint: hostname, port: Number(port), protocol: "http", apiKey: "example" } as const;
}
