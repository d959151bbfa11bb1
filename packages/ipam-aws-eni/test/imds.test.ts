import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { isNetloomError } from "@netloom/core";
import { imds, type ImdsOptions } from "@netloom/ipam-aws-eni";
import { describe, expect, it } from "vitest";
import { serveImds, type ImdsKind } from "./support/imds-server.ts";

async function refusal(kind: ImdsKind, options: ImdsOptions = {}) {
  await using server = await serveImds(kind);
  const error: unknown = await imds({ endpoint: server.url, ...options }).catch((error: unknown) => error);
  if (!isNetloomError(error)) throw error;
  return { error, asked: [...server.asked] };
}

describe("imds", () => {
  it("finds out who the instance is, with a token", async () => {
    await using server = await serveImds();
    expect(await imds({ endpoint: `${server.url}/` })).toEqual({
      instance: "i-0123456789abcdef0",
      instanceType: "m6i.large",
      zone: "eu-west-1a",
      region: "eu-west-1",
      account: "123456789012",
      vpc: "vpc-sim",
    });
    expect(server.asked[0]).toBe("PUT /latest/api/token");
    expect(server.asked).toHaveLength(4);
  });

  it("does not fall back to version 1", async () => {
    const { error, asked } = await refusal("v1-only");
    expect(error).toMatchObject({ code: "ERR_UNSUPPORTED", backend: "aws-eni" });
    expect(error.message).toMatch(/IMDSv2/);
    expect(asked).toEqual(["PUT /latest/api/token"]);
  });

  it("tells of the hop limit where nobody answers", async () => {
    const { error } = await refusal("silent", { timeout: 50 });
    expect(error).toMatchObject({ code: "ERR_CLOUD_UNAVAILABLE", retryable: true });
    expect(error.message).toMatch(/does not answer within 50 ms.*HttpPutResponseHopLimit to 2/);
  });

  it("says that it is switched off", async () => {
    const { error } = await refusal("off");
    expect(error.code).toBe("ERR_PERMISSION");
    expect(error.message).toMatch(/switched off.*HttpEndpoint/);
  });

  it("says that there is none", async () => {
    const { url, [Symbol.asyncDispose]: close } = await serveImds();
    await close();
    await expect(imds({ endpoint: url })).rejects.toMatchObject({
      code: "ERR_CLOUD_UNAVAILABLE",
      retryable: true,
      message: expect.stringMatching(/ECONNREFUSED.*option instance/),
    });
  });

  it("says so where a token is not known any more, without telling it", async () => {
    const { error } = await refusal("forgetful");
    expect(error).toMatchObject({ code: "ERR_CLOUD_UNAVAILABLE", retryable: true });
    expect(JSON.stringify(error) + error.message).not.toContain("simulated-token");
  });

  it("refuses an answer that is no identity", async () => {
    const { error } = await refusal("nonsense");
    expect(error.code).toBe("ERR_CLOUD_INVALID");
    expect(error.message).toMatch(/no instanceId/);
  });

  it("goes by no proxy, whatever the environment says", async () => {
    await using server = await serveImds();
    const program = `
      const { imds } = await import("@netloom/ipam-aws-eni");
      console.log((await imds({ endpoint: ${JSON.stringify(server.url)} })).instance);
    `;
    const args = ["--conditions=@netloom/source", "--input-type=module", "--eval", program];
    const env = { ...process.env, NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://127.0.0.1:1" };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, env });
    expect(stdout.trim()).toBe("i-0123456789abcdef0");
  });

  it("gives up when it is told to", async () => {
    await using server = await serveImds("silent");
    const reason = new Error("never mind");
    await expect(imds({ endpoint: server.url, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const asking = imds({ endpoint: server.url, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(asking).rejects.toBe(reason);
  });
});
