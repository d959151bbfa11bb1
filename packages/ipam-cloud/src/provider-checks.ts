import { checkText, invalid, isObject, isWhole } from "./option-checks.ts";
import type { CloudInstance } from "./options.ts";
import type { CloudProvider, NodeLimits, ThrottleBucket } from "./provider.ts";

const CALLS = ["pools", "readNode", "limits", "assign", "classify"] as const;
const PREFIXES = { 4: 32, 6: 128 } as const;

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID` where it is none, or declares what cannot be kept to. */
export function checkProvider(value: unknown): asserts value is CloudProvider {
  const remedy = "write a provider, such as awsEniProvider({ cluster })";
  if (!isObject(value)) throw invalid("provider", value, remedy);
  const given: Partial<Record<keyof CloudProvider, unknown>> = value;
  const { name, account, capabilities } = given;
  checkText("provider.name", name);
  checkText("provider.account", account);
  const lacks = CALLS.find((call) => typeof given[call] !== "function");
  if (lacks !== undefined) throw invalid(`provider.${lacks}`, given[lacks], remedy);
  if (!isObject(capabilities)) throw invalid("provider.capabilities", capabilities, remedy);
  const { families, throttles } = capabilities;
  if (!Array.isArray(families))
    throw invalid("provider.capabilities.families", families, "write [4] or [4, 6]");
  if (!Array.isArray(throttles)) throw invalid("provider.capabilities.throttles", throttles, "write buckets");
  for (const bucket of throttles) checkBucket(bucket);
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID` where it would never let anything through. */
function checkBucket(bucket: ThrottleBucket): void {
  if (!isObject(bucket)) throw invalid("throttles", bucket, "write buckets");
  const { name, actions, capacity, perSecond, refill } = bucket as ThrottleBucket;
  checkText("throttles.name", name);
  if (!Array.isArray(actions))
    throw invalid(`throttles.${name}.actions`, actions, "list the actions that take from it");
  if (!(typeof capacity === "number" && capacity >= 1 && capacity < Infinity))
    throw invalid(`throttles.${name}.capacity`, capacity, "write 1 or more");
  const refills = typeof perSecond === "number" && perSecond > 0 && perSecond < Infinity;
  if (!refills && refill !== "each-minute")
    throw invalid(`throttles.${name}.perSecond`, perSecond, "write more than 0 tokens a second");
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checkInstance(value: unknown): asserts value is CloudInstance {
  const remedy = 'write { instance: "i-0123456789abcdef0" }, or how to find out';
  if (!isObject(value)) throw invalid("instance", value, remedy);
  const { instance, zone = "zone", instanceType = "type" } = value;
  if (typeof instance !== "string" || instance === "") throw invalid("instance.instance", instance, remedy);
  checkText("instance.zone", zone);
  checkText("instance.instanceType", instanceType);
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checkLimits(limits: NodeLimits): void {
  const remedy = "write { interfaces: 4, slots: { 4: 15 } }";
  if (!isObject(limits)) throw invalid("limits", limits, remedy);
  const { interfaces, slots, slotsPerNode = {}, blocks = {} } = limits as NodeLimits;
  if (!isWhole(interfaces) || interfaces < 1)
    throw invalid("limits.interfaces", interfaces, "write 1 or more");
  for (const [option, value] of Object.entries({ slots, slotsPerNode, blocks })) {
    if (!isObject(value)) throw invalid(`limits.${option}`, value, remedy);
    for (const [family, count] of Object.entries(value)) {
      const name = `limits.${option}.${family}`;
      if (family !== "4" && family !== "6") throw invalid(name, count, "write them for 4, 6, or both");
      const most = option === "blocks" ? PREFIXES[family] : Infinity;
      if (count !== undefined && !(isWhole(count) && count <= most))
        throw invalid(name, count, "write a whole number");
    }
  }
}
