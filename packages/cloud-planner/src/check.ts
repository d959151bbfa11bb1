import { NetloomError, parseCidr } from "@netloom/core";
import { cloudPolicy } from "@netloom/ipam-cloud";
import type { Planner, PlannerInput, PlannerNodes, PlannerSubnet } from "./input.ts";
import { bucketsOf, SHAPES } from "./shapes.ts";

/** Of what names none. */
const ANY_ZONE = "zone-a";

/** More at once are not played through, or counted, in reasonable time. */
const MOST_NODES = 20_000;

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checked(input: PlannerInput): Planner {
  checkShape(input);
  if (input.subnets.length === 0) throw invalid("subnets", "none", "name at least one");
  if (input.nodes.length === 0) throw invalid("nodes", "none", "say how many there are");
  const { shape = "aws", pods, growth = {}, policy = {}, throttles = [], budget = "shared" } = input;
  const { placement = "scattered", rollout = true, seed = 1 } = input;
  oneOf("shape", shape, Object.keys(SHAPES));
  oneOf("placement", placement, ["scattered", "packed"]);
  oneOf("budget", budget, ["shared", "node"]);
  if (typeof rollout !== "boolean") throw invalid("rollout", rollout, "write true or false");
  if (!Number.isSafeInteger(seed)) throw invalid("seed", seed, "write a whole number");
  const subnets = input.subnets.map(checkedSubnet);
  for (const [index, { id, cidr }] of subnets.entries()) {
    for (const other of subnets.slice(0, index)) {
      if (other.id === id) throw invalid("subnets", id, "give each another id");
      if (parseCidr(other.cidr).overlaps(parseCidr(cidr)))
        throw invalid("subnets", `${id}=${cidr}`, `it overlaps ${other.id}`);
    }
  }
  const nodes = input.nodes.map((some) => checkedNodes(some, subnets));
  count("pods.perNode", pods.perNode);
  const { now = 0 } = pods;
  count("pods.now", now);
  if (now > pods.perNode) throw invalid("pods.now", now, "there are no more afterwards than on each node");
  const { podsPerNode = 0, nodes: moreNodes = 0 } = growth;
  for (const [name, value] of Object.entries({ podsPerNode, nodes: moreNodes }))
    if (!(value >= 0 && value < Infinity)) throw invalid(`growth.${name}`, value, "write so many a day");
  const { latency = 500, attachTime = 4000, operationTime = 2000 } = input.times ?? {};
  for (const [name, value] of Object.entries({ latency, attachTime, operationTime }))
    if (!(value >= 0 && value < Infinity)) throw invalid(`times.${name}`, value, "write milliseconds");
  cloudPolicy(policy);
  for (const { name, actions, capacity, perSecond } of throttles) {
    if (!Array.isArray(actions))
      throw invalid(`throttles.${name}.actions`, actions, "list the actions that take from it");
    if (!(capacity >= 1 && perSecond > 0))
      throw invalid(`throttles.${name}`, `${capacity},${perSecond}`, "write a capacity and tokens a second");
  }
  return {
    shape,
    subnets,
    nodes,
    pods: { perNode: pods.perNode, now },
    growth: { podsPerNode, nodes: moreNodes },
    policy,
    placement,
    throttles: bucketsOf(shape, throttles),
    times: { latency, attachTime, operationTime },
    budget,
    rollout,
    seed,
  };
}

/** That the parts are there, and what they should be: whoever has no types is told so, too. */
function checkShape(input: unknown): void {
  if (!isObject(input)) throw invalid("input", input, "write { subnets, nodes, pods }");
  const { subnets, nodes, throttles = [] } = input;
  for (const [option, value] of Object.entries({ subnets, nodes, throttles }))
    if (!Array.isArray(value) || !value.every(isObject)) throw invalid(option, value, "write a list of them");
  if (!isObject(input["pods"])) throw invalid("pods", input["pods"], "write { perNode: 30 }");
  for (const option of ["growth", "policy", "times"])
    if (!isObject(input[option] ?? {}))
      throw invalid(option, input[option], "write its parts, or leave it out");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function oneOf(option: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw invalid(option, value, `write ${known.join(" or ")}`);
}

function checkedSubnet({ id, cidr, zone = ANY_ZONE, occupied = 0 }: PlannerSubnet): Required<PlannerSubnet> {
  const parsed = readCidr(cidr);
  if (parsed.family !== 4 || parsed.prefix < 16 || parsed.prefix > 28)
    throw invalid("subnets", `${id}=${cidr}`, "write an IPv4 subnet, /16 to /28");
  if (!(occupied >= 0 && occupied <= 1))
    throw invalid("subnets", `${id}: occupied ${occupied}`, "write a fraction, 0 to 1");
  return { id, cidr: parsed.toString(), zone, occupied };
}

function checkedNodes(
  some: PlannerNodes,
  subnets: readonly Required<PlannerSubnet>[],
): Planner["nodes"][number] {
  const { zone = ANY_ZONE, limits, subnet } = some;
  count("nodes", some.count);
  if (!isObject(limits) || !isObject(limits.slots))
    throw invalid("limits", JSON.stringify(limits), "write { interfaces: 4, slots: { 4: 15 } }");
  if (some.count < 1 || some.count > MOST_NODES)
    throw invalid("nodes", some.count, `write a whole number, 1 to ${MOST_NODES}`);
  count("limits.interfaces", limits.interfaces);
  count("limits.slots", limits.slots[4] ?? 0);
  if (limits.interfaces < 1 || (limits.slots[4] ?? 0) < 2)
    throw invalid("limits", JSON.stringify(limits), "write at least one interface with two slots");
  const near = subnets.filter((one) => one.zone === zone);
  if (near.length === 0) throw invalid("nodes", `zone ${zone}`, "name a subnet of that zone");
  if (subnet !== undefined && !near.some(({ id }) => id === subnet))
    throw invalid("nodes", `subnet ${subnet}`, `name one of zone ${zone}`);
  return { ...some, zone };
}

function readCidr(cidr: string): ReturnType<typeof parseCidr> {
  try {
    return parseCidr(cidr);
  } catch (cause) {
    throw invalid("subnets", cidr, "write a CIDR, such as 10.0.0.0/20", cause);
  }
}

function count(option: string, value: number): void {
  if (!Number.isInteger(value) || value < 0) throw invalid(option, value, "write a whole number");
}

/** What every wrong option is told as. */
export function invalid(option: string, input: unknown, remedy: string, cause?: unknown): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${option} ${String(input)} is not acceptable`, {
    input,
    remedy,
    backend: "cloud-planner",
    cause,
  });
}
