import { isPortName, NAMED_PROTOCOLS } from "../policy/named-ports.ts";
import { inside, integerAt, invalid, wordAt, type Place } from "../policy/parse-input.ts";
import type { PolicyPort } from "../policy/types.ts";
import { fieldsAt } from "./fields.ts";

/** As IANA has them: up to 15 small letters, digits and single hyphens, one letter at least. */
function isKubernetesPortName(input: unknown): input is string {
  return isPortName(input) && /^(?=.*[a-z])(?!.*--)[a-z0-9-]{1,15}$/.test(input);
}

export function readPort(input: unknown, place: Place): PolicyPort {
  const { protocol: word = "TCP", port, endPort } = fieldsAt(input, place, ["protocol", "port", "endPort"]);
  const protocol = wordAt(word, inside(place, "protocol"), NAMED_PROTOCOLS, "protocol");
  const at = inside(place, "port");
  const end = integerAt(endPort, inside(place, "endPort"), 1, 65_535);
  if (typeof port === "string" || port === undefined) {
    if (end !== undefined) {
      throw invalid(inside(place, "endPort"), end, "has no number to start from", "give port a number");
    }
    return port === undefined ? { protocol } : { protocol, name: readName(port, at) };
  }
  const first = integerAt(port, at, 1, 65_535)!;
  if (end !== undefined && end < first) {
    throw invalid(inside(place, "endPort"), end, `is below port ${first}`, "swap them");
  }
  return { protocol, port: first, ...(end !== undefined && { endPort: end }) };
}

function readName(name: string, place: Place): string {
  if (isKubernetesPortName(name)) return name;
  const remedy = /^\d+$/.test(name)
    ? "write the number without quotes"
    : "write up to 15 small letters, digits and single hyphens, e.g. http";
  throw invalid(place, name, "is no name of a port", remedy);
}
