import {
  formatCidr,
  isNetloomError,
  NetloomError,
  parseAddress,
  parseCidr,
  type Address,
  type Cidr,
} from "@netloom/core";

export interface HostScopeOptions {
  /** @defaultValue what the node object says: `podCIDRs` of the agent's node */
  readonly podCIDRs?: readonly string[];
  /** Addresses never handed out, beside the first and last of each range and the node's own. @defaultValue [] */
  readonly reserved?: readonly string[];
  /** Hand out the first address of a range too. @defaultValue false */
  readonly allowFirst?: boolean;
  /** Hand out the last address of a range too. @defaultValue false */
  readonly allowLast?: boolean;
}

/** Options, checked, with their defaults. */
export interface HostScopeConfig {
  readonly podCIDRs: readonly Cidr[] | undefined;
  readonly reserved: readonly Address[];
  readonly allowFirst: boolean;
  readonly allowLast: boolean;
}

const OPTIONS: readonly string[] = ["podCIDRs", "reserved", "allowFirst", "allowLast"];

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function parseOptions(options: HostScopeOptions): HostScopeConfig {
  const unknown = Object.keys(options).find((option) => !OPTIONS.includes(option));
  if (unknown !== undefined) {
    throw invalid(`there is no option ${unknown}`, options, `the options are ${OPTIONS.join(", ")}`);
  }
  const podCIDRs = options.podCIDRs === undefined ? undefined : each("podCIDRs", options.podCIDRs, parseCidr);
  podCIDRs?.forEach((cidr, index) => {
    const other = podCIDRs.slice(0, index).find((one) => one.overlaps(cidr));
    if (other === undefined) return;
    const what = `option podCIDRs: ${formatCidr(cidr)} overlaps ${formatCidr(other)}`;
    throw invalid(what, options.podCIDRs, "name each address once");
  });
  return {
    podCIDRs,
    reserved: each("reserved", options.reserved ?? [], parseAddress),
    allowFirst: flag("allowFirst", options.allowFirst),
    allowLast: flag("allowLast", options.allowLast),
  };
}

function each<T>(option: string, texts: readonly string[], parse: (text: string) => T): readonly T[] {
  if (!Array.isArray(texts)) throw invalid(`option ${option} is no list`, texts, "write a list");
  return texts.map((text) => {
    try {
      return parse(text);
    } catch (error) {
      if (!isNetloomError(error)) throw error;
      throw invalid(`option ${option}: ${error.message}`, text);
    }
  });
}

function flag(option: string, value: boolean | undefined): boolean {
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw invalid(`option ${option} is ${JSON.stringify(value)}`, value, "write true or false");
}

function invalid(what: string, input: unknown, remedy?: string): NetloomError {
  return new NetloomError("ERR_OPTIONS_INVALID", what, {
    input,
    backend: "host-scope",
    ...(remedy === undefined ? {} : { remedy }),
  });
}
