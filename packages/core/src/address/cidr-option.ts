import { isNetloomError, NetloomError } from "../errors.ts";
import { formatCidr } from "./cidr.ts";
import { parseCidr } from "./parse-cidr.ts";

/**
 * An option of a backend that is a prefix or a list of prefixes: canonical, sorted, each once.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`, naming the option and the prefix.
 */
export function cidrOption(option: string, input: unknown, backend: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(input) ? input : [input];
  return [...new Set(list.map((text) => canonical(option, text, backend)))].sort();
}

function canonical(option: string, text: unknown, backend: string): string {
  try {
    return formatCidr(parseCidr(text as string));
  } catch (error) {
    const why = isNetloomError(error) ? error.message : "it is no text";
    throw new NetloomError("ERR_OPTIONS_INVALID", `option ${option}: ${why}`, {
      input: text,
      remedy: "write a prefix, or a list of prefixes",
      backend,
      cause: error,
    });
  }
}
