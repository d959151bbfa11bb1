import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { NetloomError, type AgentStatus } from "@netloom/core";
import { modelDatapath, modelFabric, type ModelFabric } from "@netloom/datapath-model";
import { describe, expect, it } from "vitest";
import { chooseDatapath } from "../choose-datapath.ts";
import { healthOf } from "../health.ts";
import { startService, type Service } from "../service.ts";
import { ask } from "./client.ts";

const node = { name: "node1", addresses: ["192.0.2.1"], podCIDRs: ["10.244.1.0/29"] };

async function start(fabric: ModelFabric = modelFabric()): Promise<Service> {
  return startService({ node, datapath: modelDatapath({ fabric }), port: 0 });
}

describe("the service", () => {
  it("keeps notes, as it always did", async () => {
    await using service = await start();
    expect(await ask(service, "PUT /notes/milk", "two bottles")).toMatchObject({ status: 200 });
    expect(await ask(service, "GET /notes/milk")).toMatchObject({ status: 200, text: "two bottles" });
    expect(await ask(service, "GET /notes/bread")).toMatchObject({ status: 404 });
    expect(await ask(service, "GET /elsewhere")).toMatchObject({ status: 404 });
  });

  it("gives pods a network and takes it away, and counts what passes", async () => {
    const fabric = modelFabric();
    await using service = await start(fabric);
    const web = await ask(service, "POST /pods", { name: "default/web", labels: ["app=web"] });
    expect(web).toMatchObject({
      status: 201,
      json: { name: "default/web", addresses: [expect.any(String)] },
    });
    const client = await ask(service, "POST /pods", { name: "default/client" });
    const { host } = fabric.pod("default/client");
    const [address] = web.json["addresses"] as [string];
    expect(await host.ping(address)).toBe(true);
    // Which addresses they get is left to chance.
    const taken = new Set([address, ...(client.json["addresses"] as string[])]);
    const nobodys = ["10.244.1.4", "10.244.1.5", "10.244.1.6"].find((other) => !taken.has(other))!;
    expect(await host.ping(nobodys)).toBe(false);
    const { text } = await ask(service, "GET /metrics");
    for (const line of [
      'netloom_endpoints{node="node1"} 2',
      'netloom_revision_lag{node="node1"} 0',
      'netloom_forwarded_packets_total{node="node1",outcome="to-endpoint"} 2',
      'netloom_dropped_packets_total{node="node1",reason="unroutable"} 1',
      'netloom_ipam_addresses{node="node1",pool="default",range="10.244.1.0/29",state="allocated"} 2',
      "notes 0",
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(await ask(service, "DELETE /pods/default/web")).toMatchObject({ status: 204 });
    expect(await ask(service, "DELETE /pods/default/web")).toMatchObject({ status: 204 });
    expect(await host.ping(address)).toBe(false);
  });

  it("says what is wrong with a request, by the code of the network's error", async () => {
    await using service = await start();
    const post = (body: unknown): ReturnType<typeof ask> => ask(service, "POST /pods", body);
    expect(await post("{")).toMatchObject({ status: 400, json: { message: "the body is no JSON" } });
    expect(await post({})).toMatchObject({ status: 400, json: { message: "name: write a text" } });
    expect(await post({ name: "one", labels: ["=:="] })).toMatchObject({
      status: 400,
      json: { code: "ERR_LABEL_INVALID" },
    });
    expect(await post({ name: "one" })).toMatchObject({ status: 201 });
    expect(await post({ name: "one" })).toMatchObject({ status: 409, json: { code: "ERR_ENDPOINT_EXISTS" } });
    for (let number = 2; number <= 5; number++) await post({ name: `pod-${number}` });
    expect(await post({ name: "one-too-many" })).toMatchObject({
      status: 503,
      json: { code: "ERR_IPAM_EXHAUSTED", retryable: true },
    });
    expect(await ask(service, "DELETE /pods/%")).toMatchObject({ status: 400 });
    expect(await post(" ".repeat(100_000))).toMatchObject({ status: 413 });
  });

  it("says how the agent is", async () => {
    await using service = await start();
    const { status, json } = await ask(service, "GET /healthz");
    expect({ status, json }).toMatchObject({
      status: 200,
      json: { healthy: true, lifecycle: "running", errors: [] },
    });
    const { seen, applied } = json["revision"] as AgentStatus["revision"];
    expect(applied).toBe(seen);
    await service.agent.stop();
    expect(await ask(service, "GET /healthz")).toMatchObject({ status: 503, json: { lifecycle: "stopped" } });
    expect(await ask(service, "POST /pods", { name: "late" })).toMatchObject({
      status: 503,
      json: { code: "ERR_CLOSED" },
    });
  });

  it("tells of errors for a minute, and is ill where they keep it from what it knows", async () => {
    await using service = await start();
    const status = service.agent.describe();
    const behind = { ...status, revision: { seen: 9, applied: 8 } };
    const errors = [{ time: 1000, code: "ERR_CAPACITY", message: "the map policy is full" }];
    expect(healthOf(status, errors, 2000)).toMatchObject({ healthy: true, errors });
    expect(healthOf(behind, errors, 2000)).toMatchObject({ healthy: false, errors });
    expect(healthOf(behind, errors, 62_000)).toMatchObject({ healthy: true, errors: [] });
    expect(healthOf(behind, [], 2000)).toMatchObject({ healthy: true });
  });

  it("speaks to Prometheus in its language", async ({ skip }) => {
    const { error } = spawnSync("promtool", ["--version"]);
    if (error !== undefined) skip("promtool is not installed");
    await using service = await start();
    const { text } = await ask(service, "GET /metrics");
    const { status, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  it("leaves nothing open where the agent does not start", async () => {
    const datapath = modelDatapath();
    datapath.probe = () => Promise.reject(new NetloomError("ERR_PERMISSION", "not today"));
    await expect(startService({ node, datapath, port: 0 })).rejects.toMatchObject({ code: "ERR_PERMISSION" });
  });
});

describe("the datapath", () => {
  const refusing = (code: string): ReturnType<typeof modelDatapath> => {
    const kernel = modelDatapath();
    kernel.probe = () => Promise.reject(new NetloomError(code, `it says ${code}`));
    return kernel;
  };

  it("is the kernel's where that is possible", async () => {
    const kernel = modelDatapath();
    const { datapath, because } = await chooseDatapath(kernel, ["192.0.2.1"]);
    expect(datapath).toBe(kernel);
    expect(because).toContain("MTU 1500");
  });

  it.each(["ERR_PERMISSION", "ERR_UNSUPPORTED"])("is the model on %s, and says why", async (code) => {
    const { datapath, because } = await chooseDatapath(refusing(code), ["192.0.2.1"]);
    expect(datapath.name).toBe("model");
    expect(because).toBe(`it says ${code}`);
  });

  it("is the model where no address is given, and no other for a wrong one", async () => {
    expect(await chooseDatapath(refusing("ERR_SYSCALL"), [])).toMatchObject({
      because: "NODE_ADDRESS is not set",
    });
    await expect(chooseDatapath(refusing("ERR_OPTIONS_INVALID"), ["192.0.2.1"])).rejects.toMatchObject({
      code: "ERR_OPTIONS_INVALID",
    });
  });
});

describe("the process", () => {
  it("runs until SIGTERM, and ends well", async () => {
    const main = join(import.meta.dirname, "..", "main.ts");
    const { NODE_ADDRESS: _, ...env } = process.env;
    const child = spawn(process.execPath, ["--conditions=@netloom/source", main], {
      env: { ...env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      const port = /^listening on port (\d+)$/.exec(line)?.[1];
      if (port === undefined) continue;
      expect(await ask({ port: Number(port) }, "GET /healthz")).toMatchObject({ status: 200 });
      child.kill("SIGTERM");
    }
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(0);
    expect(said[0]).toBe("datapath: model (NODE_ADDRESS is not set)");
    expect(said.at(-1)).toMatch(/^SIGTERM: /);
  });
});
