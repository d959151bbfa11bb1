import { createAgent } from "@netloom/core";
import { memoryDatapath, memoryStore } from "@netloom/core/memory";
import { hostScope } from "@netloom/ipam-host-scope";
import { vxlan } from "@netloom/routing-vxlan";

await using agent = createAgent({
  node: { name: "node1", addresses: ["192.0.2.1"], podCIDRs: ["10.244.1.0/24"] },
  store: memoryStore(),
  ipam: hostScope(),
  routing: vxlan(),
  datapath: memoryDatapath(), // or ebpf() of @netloom/datapath-ebpf: real packets, needs root
});
await agent.start();
const web = await agent.endpoints.create({ name: "default/web", labels: ["k8s:app=web"] });
const revision = await agent.cluster.policies.apply({ name: "default/web", subject: {}, ingress: [] });
await agent.settled(revision); // in force now, not soon
const [destination = ""] = web.addresses;
console.log(agent.verdict({ source: "203.0.113.7", destination, protocol: "TCP", port: 80 }));
