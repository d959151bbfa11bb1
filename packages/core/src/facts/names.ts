import { NetloomError } from "../errors.ts";

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/;

const CODES = {
  endpoint: "ERR_ENDPOINT_INVALID",
  node: "ERR_NODE_INVALID",
  policy: "ERR_POLICY_INVALID",
  service: "ERR_SERVICE_INVALID",
} as const;

/**
 * Names of things in the store: `name` or `namespace/name`, of letters, digits, `.`, `-` and `_`, at most 253
 * characters a part. A node's has no namespace.
 */
export function assertName(input: unknown, of: keyof typeof CODES): string {
  const fits =
    typeof input === "string" && NAME.test(input) && input.split("/").every((part) => part.length <= 253);
  if (fits && (of !== "node" || !input.includes("/"))) return input;
  const form = of === "node" ? "a name" : "a name, or namespace/name,";
  throw new NetloomError(CODES[of], `${JSON.stringify(input) ?? "undefined"} is no name of a ${of}`, {
    input,
    remedy: `write ${form} of letters, digits, '.', '-' and '_' that starts and ends with a letter or digit`,
  });
}
