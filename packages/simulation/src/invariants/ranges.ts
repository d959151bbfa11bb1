import { parseCidr, type IpamStatus } from "@netloom/core";
import type { Machine } from "../node/machine.ts";
import type { Check } from "./invariant.ts";

/** No two nodes have overlapping ranges; and of each range every address is accounted for. */
export function rangesCheck(
  machines: () => Iterable<Machine>,
  ipamOf: (machine: Machine) => IpamStatus | undefined,
): Check {
  return {
    name: "ranges",
    onStep(machine) {
      for (const { range, capacity, allocated, free, reserved, quarantined } of ipamOf(machine)?.ranges ??
        []) {
        if (allocated + free + reserved + quarantined !== capacity) {
          return `${range} of ${machine.name}: ${allocated} + ${free} + ${reserved} + ${quarantined} is not ${capacity}`;
        }
        if (machine.ranges.has(range)) continue;
        machine.ranges.add(range);
        const cidr = parseCidr(range);
        for (const other of machines()) {
          if (other === machine) continue;
          for (const text of other.ranges)
            if (parseCidr(text).overlaps(cidr))
              return `${machine.name} uses ${range}, which overlaps ${text} of ${other.name}`;
        }
      }
      return undefined;
    },
  };
}
