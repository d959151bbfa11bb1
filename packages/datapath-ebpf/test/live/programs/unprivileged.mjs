// Runs without capabilities and tells, as JSON, what the datapath says to that.
import { ebpf } from "@netloom/datapath-ebpf";

const outcome = async (work) => {
  try {
    await work();
    return "allowed";
  } catch ({ code, message, remedy }) {
    return { code, message, remedy };
  }
};

const datapath = ebpf({ uplink: "lo" });
console.log(
  JSON.stringify({
    probe: await outcome(() => datapath.probe({ node: "node1", addresses: [] })),
    uninstall: await outcome(() => datapath.uninstall()),
  }),
);
