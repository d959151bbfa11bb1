import { NetloomError } from "../errors.ts";

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID` unless `owner` is a string that is not empty. */
export function checkOwner(owner: string): void {
  if (typeof owner === "string" && owner !== "") return;
  throw new NetloomError(
    "ERR_OPTIONS_INVALID",
    `${owner === "" ? "the empty string" : String(owner)} is not an owner`,
    {
      input: owner,
      remedy: "name the owner with a string that is not empty",
    },
  );
}
