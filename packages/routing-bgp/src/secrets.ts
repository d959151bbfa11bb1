import { NetloomError } from "@netloom/core";
import type { BgpResources } from "./resources/index.ts";

/** The passwords that resources name, by name, where they are known. What goes wrong with one is reported. */
export async function secretsOf(
  { peerConfigs }: BgpResources,
  lookUp: (name: string) => unknown,
  report: (error: unknown) => void,
): Promise<ReadonlyMap<string, string>> {
  const secrets = new Map<string, string>();
  for (const name of new Set(peerConfigs.flatMap(({ authSecretRef }) => authSecretRef ?? []))) {
    try {
      const secret = await lookUp(name);
      if (typeof secret === "string") secrets.set(name, secret);
      else if (secret !== undefined) throw noText(name);
    } catch (error) {
      report(error);
    }
  }
  return secrets;
}

/** Without the value: it may be the secret, written another way. */
export function noText(secret: string): NetloomError {
  const options = { remedy: "write a string", backend: "bgp" };
  return new NetloomError("ERR_BGP_INVALID", `secret ${secret} is no text`, options);
}
