import { isNetloomError, type Datapath } from "@netloom/core";
import { modelDatapath } from "@netloom/datapath-model";

export interface Choice {
  readonly datapath: Datapath;
  /** For people: why this one. */
  readonly because: string;
}

/**
 * The kernel's datapath where this process may and this kernel can, else the model of it, whose pods exist in this
 * process only. Nothing is changed by asking.
 *
 * @param kernel - `ebpf()`.
 * @param addresses - of this node; none: nobody has said, and the kernel is left alone.
 */
export async function chooseDatapath(kernel: Datapath, addresses: readonly string[]): Promise<Choice> {
  if (addresses.length === 0) return { datapath: modelDatapath(), because: "NODE_ADDRESS is not set" };
  try {
    const { mtu } = await kernel.probe({ node: "probe", addresses });
    return { datapath: kernel, because: `this process may and this kernel can; uplink MTU ${mtu}` };
  } catch (error) {
    // A wrong address is a mistake to be told of, and no reason for another datapath.
    if (!isNetloomError(error, "ERR_PERMISSION") && !isNetloomError(error, "ERR_UNSUPPORTED")) throw error;
    return { datapath: modelDatapath(), because: error.message };
  }
}
