import { parseArgs } from "node:util";
import type { CloudPolicyOptions, NodeLimits, ThrottleBucket } from "@netloom/ipam-cloud";
import { INSTANCE_TYPES } from "@netloom/sim-cloud";
import { invalid } from "../check.ts";
import type { CloudShape, PlannerInput, PlannerNodes, PlannerSubnet } from "../input.ts";
import { SHAPES } from "../shapes.ts";

export type Command =
  | { readonly do: "help" }
  | { readonly do: "plan"; readonly input: PlannerInput; readonly json: boolean };

/** @throws Error whose message is one line, where the arguments make no sense. */
export function parseCommand(args: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...args],
    options: {
      subnet: { type: "string", multiple: true },
      nodes: { type: "string", multiple: true },
      type: { type: "string" },
      limits: { type: "string" },
      pods: { type: "string" },
      "pods-now": { type: "string" },
      growth: { type: "string" },
      shape: { type: "string" },
      policy: { type: "string" },
      placement: { type: "string" },
      throttle: { type: "string", multiple: true },
      times: { type: "string" },
      budget: { type: "string" },
      "no-rollout": { type: "boolean" },
      seed: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return { do: "help" };
  const { subnet = [], nodes = [], limits, type = "large", pods } = values;
  if (pods === undefined) throw new Error("--pods is missing: say how many pods each node has");
  const shape = oneOf("shape", values.shape ?? "aws", ["aws", "azure", "gcp"]);
  const common =
    limits === undefined
      ? typeNamed(type)
      : limitsOf("--limits", fields("--limits", limits, "interfaces", "slots"));
  const growth = fields("--growth", values.growth ?? "", "pods", "nodes");
  const times = fields("--times", values.times ?? "", "latency", "attach", "operation");
  const input: PlannerInput = {
    shape,
    subnets: subnet.map(subnetOf),
    nodes: nodes.map((text) => nodesOf(text, common)),
    pods: { perNode: number("--pods", pods), now: number("--pods-now", values["pods-now"] ?? "0") },
    growth: {
      podsPerNode: number("--growth", growth.pods ?? "0"),
      nodes: number("--growth", growth.nodes ?? "0"),
    },
    policy: policyOf(values.policy ?? ""),
    placement: oneOf("placement", values.placement ?? "scattered", ["scattered", "packed"]),
    throttles: (values.throttle ?? []).map((text) => bucketOf(text, shape)),
    times: {
      latency: number("--times", times.latency ?? "500"),
      attachTime: number("--times", times.attach ?? "4000"),
      operationTime: number("--times", times.operation ?? "2000"),
    },
    budget: oneOf("budget", values.budget ?? "shared", ["shared", "node"]),
    rollout: values["no-rollout"] !== true,
    seed: number("--seed", values.seed ?? "1"),
  };
  return { do: "plan", input, json: values.json === true };
}

type Fields<Name extends string> = { readonly [name in Name]?: string | undefined };

/** `a=1,b=2`, of these names only. */
function fields<Name extends string>(option: string, text: string, ...names: readonly Name[]): Fields<Name> {
  const pairs = text === "" ? [] : text.split(",").map((part) => part.split("=", 2) as [string, string?]);
  for (const [name, value] of pairs) {
    if (value === undefined || value === "") throw new Error(`${option}: ${name} has no value`);
    if (!names.some((one) => one === name))
      throw new Error(`${option}: there is no ${name}, but ${names.join(", ")}`);
  }
  return Object.fromEntries(pairs) as Fields<Name>;
}

function subnetOf(text: string): PlannerSubnet {
  const [first = "", ...rest] = text.split(",");
  const [id, cidr] = first.split("=", 2);
  if (id === undefined || id === "" || cidr === undefined)
    throw new Error(`--subnet ${text}: write ID=CIDR, such as subnet-a=10.0.0.0/20`);
  const { zone, occupied } = fields("--subnet", rest.join(","), "zone", "occupied");
  return {
    id,
    cidr,
    ...(zone === undefined ? {} : { zone }),
    ...(occupied === undefined ? {} : { occupied: number("--subnet", occupied) }),
  };
}

function nodesOf(text: string, common: NodeLimits): PlannerNodes {
  const [count = "", ...rest] = text.split(",");
  const some = fields("--nodes", rest.join(","), "zone", "subnet", "type", "interfaces", "slots");
  const { zone, subnet, type, interfaces, slots } = some;
  const limits = type === undefined ? common : typeNamed(type);
  return {
    count: number("--nodes", count),
    ...(zone === undefined ? {} : { zone }),
    ...(subnet === undefined ? {} : { subnet }),
    limits:
      interfaces === undefined && slots === undefined ? limits : limitsOf("--nodes", { interfaces, slots }),
  };
}

function limitsOf(option: string, { interfaces, slots }: Fields<"interfaces" | "slots">): NodeLimits {
  if (interfaces === undefined || slots === undefined)
    throw new Error(`${option}: write interfaces=N,slots=N`);
  return { interfaces: number(option, interfaces), slots: { 4: number(option, slots) } };
}

function typeNamed(name: string): NodeLimits {
  const type = INSTANCE_TYPES[name];
  if (type !== undefined) return type;
  throw new Error(
    `type ${name} is not known here: state its limits, or write one of ${Object.keys(INSTANCE_TYPES).join(", ")}`,
  );
}

function policyOf(text: string): CloudPolicyOptions {
  const counts = ["preAllocate", "minAllocate", "maxAllocate", "maxAboveWatermark"] as const;
  const given = fields("--policy", text, ...counts, "blocks", "singles");
  return Object.fromEntries(
    Object.entries<string | undefined>(given).map(([name, value = ""]) => [
      name,
      counts.some((one) => one === name)
        ? number("--policy", value)
        : oneOf("policy", value, ["true", "false"]) === "true",
    ]),
  );
}

function bucketOf(text: string, shape: CloudShape): ThrottleBucket {
  const [name = "", rest = ""] = text.split("=", 2);
  const known = SHAPES[shape].throttles.find((bucket) => bucket.name === name);
  if (known === undefined) {
    const names = SHAPES[shape].throttles.map((bucket) => bucket.name).join(", ");
    throw new Error(`--throttle ${text}: there is no bucket ${name}, but ${names}`);
  }
  const [capacity = "", perSecond = ""] = rest.split(",");
  return { ...known, capacity: number("--throttle", capacity), perSecond: number("--throttle", perSecond) };
}

function number(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new Error(`${option}: ${text || "nothing"} is no number`);
  return value;
}

function oneOf<Value extends string>(name: string, value: string, values: readonly Value[]): Value {
  const found = values.find((one) => one === value);
  if (found === undefined) throw invalid(name, value, `write ${values.join(" or ")}`);
  return found;
}
