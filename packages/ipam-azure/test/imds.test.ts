import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { azureInstance } from "@netloom/ipam-azure";
import { describe, expect, it } from "vitest";

const MACHINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m";

/** As the service does: it answers only those who ask for metadata, and not through a proxy. */
async function withMetadata<Answer>(
  compute: object | undefined,
  test: (endpoint: string) => Promise<Answer>,
): Promise<Answer> {
  const server = createServer(({ url, headers }, response) => {
    const { pathname, searchParams } = new URL(url ?? "", "http://x");
    if (headers["metadata"] !== "true" || "x-forwarded-for" in headers) return response.writeHead(400).end();
    if (pathname !== "/metadata/instance" || !searchParams.has("api-version"))
      return response.writeHead(404).end();
    return compute === undefined ? response.writeHead(429).end() : response.end(JSON.stringify({ compute }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    return await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
}

describe("the instance metadata service", () => {
  it("tells which machine this is, of what size, and in which zone", async () => {
    const compute = {
      resourceId: MACHINE,
      vmId: "vm-1",
      vmSize: "Standard_D8s_v5",
      location: "westeurope",
      zone: "2",
    };
    expect(await withMetadata(compute, (endpoint) => azureInstance({ endpoint }))).toEqual({
      instance: `${MACHINE}#vm-1`,
      zone: "westeurope-2",
      instanceType: "Standard_D8s_v5",
    });
  });

  it("leaves out the zone where the region has none", async () => {
    const compute = { resourceId: MACHINE, vmId: "vm-1", vmSize: "", location: "westus", zone: "" };
    const instance = await withMetadata(compute, (endpoint) => azureInstance({ endpoint }));
    expect(instance).toEqual({ instance: `${MACHINE}#vm-1` });
  });

  it.each([
    ["refuses", undefined],
    ["does not know", {}],
  ])("is unavailable where it %s", async (_, compute) => {
    const asked = withMetadata(compute, (endpoint) => azureInstance({ endpoint }));
    await expect(asked).rejects.toMatchObject({ code: "ERR_CLOUD_UNAVAILABLE", retryable: true });
  });

  it("is asked by no proxy, whatever the environment says", async () => {
    const instance = await withMetadata({ resourceId: MACHINE, vmId: "vm-1" }, async (endpoint) => {
      const program = `
        const { azureInstance } = await import("@netloom/ipam-azure");
        console.log((await azureInstance({ endpoint: ${JSON.stringify(endpoint)} })).instance);
      `;
      const args = ["--conditions=@netloom/source", "--input-type=module", "--eval", program];
      const env = { ...process.env, NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "" };
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, env });
      return stdout.trim();
    });
    expect(instance).toBe(`${MACHINE}#vm-1`);
  });

  it("is unavailable where nobody listens", async () => {
    const endpoint = await withMetadata({}, async (url) => url);
    await expect(azureInstance({ endpoint })).rejects.toMatchObject({ code: "ERR_CLOUD_UNAVAILABLE" });
  });
});
