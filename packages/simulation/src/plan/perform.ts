import type { World } from "../world.ts";
import type { PlannedAct } from "./events.ts";

/** Does one planned thing. What cannot be done now, e.g. to a process that is down, is left undone. */
export function perform(world: World, act: PlannedAct): void {
  world.scheduler.trace.add(`! ${act.do}`);
  switch (act.do) {
    case "pod":
      return world.setPod(act.node, act.pod, act.labels);
    case "replace-pod":
      return world.setPod(act.node, act.pod, act.labels, true);
    case "policy":
      return world.setPolicy(act.name, act.policy);
    case "service":
      return world.setService(act.name, act.service);
    case "compact":
      return world.store.compact();
    case "expire-sessions":
      return world.store.expireSessions();
    case "remove-node":
      return world.removeNode(act.node);
    case "add-node":
      return world.addNode(act.node);
    case "redefine":
      return world.redefine(act.definition);
    default:
      return disturb(world, act);
  }
}

/** What happens to one process. */
function disturb(world: World, act: Extract<PlannedAct, { readonly process: string }>): void {
  const process = world.processes.find(({ name }) => name === act.process);
  const life = process?.life;
  if (process === undefined || life === undefined) return;
  switch (act.do) {
    case "crash": {
      const machine = world.nodes.get(act.process)?.machine;
      if (act.writes === undefined || machine === undefined) return process.crash(act.down);
      return machine.dieAfterWrites(act.writes);
    }
    case "pause":
      return life.pause(act.milliseconds);
    case "clock":
      return life.stepClock(act.milliseconds);
    case "partition":
      return world.store.partition(act.process, act.milliseconds);
    case "disconnect":
      return world.store.disconnect(act.process);
  }
}
