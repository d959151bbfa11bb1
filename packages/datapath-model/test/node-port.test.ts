import { expect, it } from "vitest";
import { CtFlag, CtState, PolicyMatch } from "@netloom/core/backend";
import { FLAG, tcp } from "../../datapath-ebpf/test/support/packets.ts";
import { A, NODE, World } from "../../datapath-ebpf/test/walk/world.ts";
import { ModelBench } from "./model-bench.ts";

it("keeps the flow of a service whose backend has the frontend's own address", async () => {
  await using bench = await ModelBench.open();
  const world = new World(bench);
  world.service(`${NODE}:30080`, 6, [`${NODE}:80`]);
  const send = (flags: number) =>
    bench.send(tcp(`${A}:40000`, `${NODE}:30080`, { flags }), { at: "from-container", device: "a" });
  await send(FLAG.SYN);
  await bench.send(tcp(`${NODE}:80`, `${A}:40000`, { flags: FLAG.SYN | FLAG.ACK }), {
    at: "to-container",
    device: "a",
  });
  const { events, after } = await send(FLAG.ACK);
  expect(events).toMatchObject([
    {
      ctState: CtState.CT_ESTABLISHED,
      egressMatch: PolicyMatch.POLICY_MATCH_CACHED,
      newDestinationPort: 80,
    },
  ]);
  const flags = after.conntrack.map(([, value]) => value.flags);
  const seenReply = flags.filter((flag) => (flag & CtFlag.CT_SEEN_REPLY) !== 0);
  expect([flags.length, seenReply.length], "the reply is not forgotten").toEqual([2, 1]);
});
