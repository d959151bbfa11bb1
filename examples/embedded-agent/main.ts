/**
 * A Node service with a job of its own, which is a node of a container network too. The agent starts and stops with it
 * and answers at the same door:
 *
 *     npm start -w examples/embedded-agent
 *     curl -X PUT localhost:8080/notes/milk -d 'two bottles'
 *     curl localhost:8080/pods -d '{ "name": "default/web", "labels": ["app=web"] }'
 *     curl localhost:8080/healthz
 *     curl localhost:8080/metrics
 *
 * As root, with `NODE_ADDRESS=<an address of this machine>`, it does so in the kernel.
 */
import { once } from "node:events";
import { ebpf } from "@netloom/datapath-ebpf";
import { chooseDatapath } from "./choose-datapath.ts";
import { startService } from "./service.ts";

const { NODE_ADDRESS, PORT = "8080" } = process.env;
const node = { name: "node1", addresses: [NODE_ADDRESS ?? "192.0.2.1"], podCIDRs: ["10.244.1.0/24"] };

// From here on, so that a signal during the start is not lost.
const stop = Promise.race(["SIGTERM", "SIGINT"].map((signal) => once(process, signal).then(() => signal)));
const { datapath, because } = await chooseDatapath(ebpf(), NODE_ADDRESS === undefined ? [] : node.addresses);
console.log(`datapath: ${datapath.name} (${because})`);
await using service = await startService({ node, datapath, port: Number(PORT) });
console.log(`listening on port ${service.port}`);
console.log(`${await stop}: the agent stops, then the door closes`);
