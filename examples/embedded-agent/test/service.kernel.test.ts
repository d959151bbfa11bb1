import { readdirSync } from "node:fs";
import { ebpf } from "@netloom/datapath-ebpf";
import { Lab, makeFabric, whyNoLab } from "@netloom/lab";
import { describe, expect, it } from "vitest";
import { chooseDatapath } from "../choose-datapath.ts";
import { startService } from "../service.ts";
import { ask } from "./client.ts";

describe.skipIf(whyNoLab("the service on the kernel's datapath") !== undefined)(
  "in the kernel, the service",
  () => {
    it("connects real pods, counts their packets, and leaves nothing behind", async () => {
      await using lab = new Lab("embedded");
      makeFabric(lab, [{ name: "node1", address: "192.168.50.1/24" }]);
      const node = { name: "node1", addresses: ["192.168.50.1"], podCIDRs: ["10.244.1.0/24"] };
      const maxEntries = { conntrack: 16_384, nat: 16_384 };
      const { datapath } = await chooseDatapath(
        ebpf({ netns: lab.namespace("node1"), bpffs: lab.bpffs, maxEntries }),
        node.addresses,
      );
      expect(datapath.name).toBe("ebpf");
      {
        await using service = await startService({ node, datapath, port: 0 });
        lab.defer(() => service.agent.uninstall());
        const make = async (name: string): Promise<string> => {
          const netns = lab.namespace(`pod-${name}`).name;
          const { json } = await ask(service, "POST /pods", { name: `default/${name}`, netns });
          return (json["addresses"] as [string])[0];
        };
        await make("client");
        const web = await make("web");
        const ping = async (address: string): Promise<boolean> =>
          (await lab.namespace("pod-client").exec("ping", ["-c", "1", "-W", "1", address])).code === 0;
        expect(await ping(web)).toBe(true);
        await ask(service, "DELETE /pods/default/web");
        expect(await ping(web)).toBe(false);
        expect(await ask(service, "GET /healthz")).toMatchObject({ status: 200, json: { errors: [] } });
        const { text } = await ask(service, "GET /metrics");
        expect(text).toContain('netloom_endpoints{node="node1"} 1\n');
        expect(text).toMatch(/netloom_forwarded_packets_total{node="node1",outcome="to-endpoint"} [2-9]\n/);
        expect(text).toMatch(/netloom_dropped_packets_total{node="node1",reason="unroutable"} [1-9]\n/);
      }
      await lab[Symbol.asyncDispose]();
      const left = ["/run", "/run/netns"].flatMap((directory) => readdirSync(directory));
      expect(left.filter((name) => name.startsWith(lab.prefix))).toEqual([]);
    });
  },
);
