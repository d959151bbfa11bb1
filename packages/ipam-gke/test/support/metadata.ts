import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Metadata } from "@netloom/ipam-gke";

const NIC = "instance/network-interfaces/0/?recursive=true&alt=json";

/** What a metadata server says of an instance with these alias ranges. */
export function metadataOf(aliases: readonly string[]): Readonly<Record<string, string>> {
  return {
    "instance/id": "4520031799277581759\n",
    "instance/zone": "projects/123456789012/zones/europe-west1-b\n",
    "project/project-id": "test\n",
    [NIC]: JSON.stringify({
      ip: "10.132.0.7",
      ipAliases: aliases,
      mac: "42:01:0a:84:00:07",
      gateway: "10.132.0.1",
      mtu: 1460,
      network: "projects/123456789012/networks/default",
      subnetmask: "255.255.240.0",
    }),
  };
}

export function fakeMetadata(aliases: () => readonly string[]): Metadata {
  return async (path, { signal } = {}) => {
    signal?.throwIfAborted();
    return metadataOf(aliases())[path];
  };
}

export interface MetadataServer extends AsyncDisposable {
  /** Address and port. */
  readonly host: string;
  readonly paths: readonly string[];
}

/** One that speaks as Google's does: who does not say that it is Google's it asks gets nothing. */
export async function serveMetadata(
  said: Readonly<Record<string, string>>,
  { flavor = "Google", status = 200 } = {},
): Promise<MetadataServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace("/computeMetadata/v1/", "");
    paths.push(path);
    const asked = request.headers["metadata-flavor"] === "Google";
    const text = asked ? said[path] : undefined;
    const code = status !== 200 ? status : asked ? (text === undefined ? 404 : 200) : 403;
    response.writeHead(code, { "metadata-flavor": flavor, "content-type": "application/text" });
    response.end(text ?? "not found");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
