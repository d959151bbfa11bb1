import type { Runtime } from "@netloom/core";
import { NatLimits } from "@netloom/core/backend";
import { modelDatapath, modelFabric, type ModelDatapath } from "@netloom/datapath-model";
import { CONTEXT, type Input, type Output } from "./kernel.ts";
import { NODE_SOCKET } from "./places.ts";

/** The model, beside the kernel: its time is the kernel's, its chance does as the kernel's did. */
export class ModelSide {
  readonly datapath: ModelDatapath;
  /** The port that the kernel took where it had to choose. */
  chosenPort: number = NatLimits.NAT_PORT_MIN;
  readonly #runtime: Runtime;
  #milliseconds = 0;

  private constructor() {
    const { NAT_PORT_MIN, NAT_PORT_MAX } = NatLimits;
    const runtime: Runtime = {
      clock: {
        now: () => Date.now(),
        monotonic: () => this.#milliseconds,
        after: () => {
          throw new Error("the walk waits for nothing");
        },
      },
      random: { next: () => (this.chosenPort - NAT_PORT_MIN + 0.5) / (NAT_PORT_MAX - NAT_PORT_MIN + 1) },
    };
    // The kernel's namespace has one link, and no way off it.
    const networks = ["192.168.50.0/24"];
    this.datapath = modelDatapath({ fabric: modelFabric({ runtime }), runtime, networks });
    this.#runtime = runtime;
  }

  static async open(): Promise<ModelSide> {
    const side = new ModelSide();
    await side.datapath.start({ ...CONTEXT, runtime: side.#runtime });
    // As in the kernel's namespace.
    side.datapath.host.listen(NODE_SOCKET);
    return side;
  }

  /** @param now - milliseconds on the kernel's clock. */
  run(packet: Uint8Array, { at, ifindex, mark, tunnel }: Input, now: number): Output {
    this.#milliseconds = now;
    const options = { ifindex, mark, ...(tunnel === undefined ? {} : { tunnel }) };
    const output = this.datapath.runSync(packet, at, options);
    this.datapath.takeEvents();
    return output;
  }
}
