import { NetloomError, type Clock } from "@netloom/core";
import type { ThrottleBucket } from "@netloom/ipam-cloud";
import type { ClientOptions } from "./client.ts";

/** By id, or all that bear these tags. */
export interface Selection {
  readonly ids?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
}

export interface SubnetSelection extends Selection {
  /** Only those in the node's availability zone: an interface of another cannot be attached. @defaultValue true */
  readonly sameZone?: boolean;
}

export interface AwsEniProviderOptions extends ClientOptions {
  /** Whose mark interfaces bear, in the tag `netloom:cluster`: unique in the account and region. */
  readonly cluster: string;
  /** The node's VPC. @defaultValue asked of EC2 where it matters */
  readonly vpc?: string | (() => Promise<string>);
  /** Which subnets may be used. @defaultValue all of the node's VPC and zone */
  readonly subnets?: SubnetSelection;
  /** Of new interfaces, whatever the request says. @defaultValue those of the request, or of the node's first interface */
  readonly securityGroups?: Selection;
  /** Of new interfaces, besides the cluster's own. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Names the account whose throttles these are. @defaultValue "default" */
  readonly account?: string;
  /** In place of those of {@link EC2_THROTTLES} that have the same actions. */
  readonly throttles?: readonly ThrottleBucket[];
  /** @defaultValue the system's */
  readonly clock?: Clock;
}

/** @throws {@link NetloomError} `ERR_OPTIONS_INVALID`. */
export function checkOptions({ cluster, tags = {}, subnets, securityGroups }: AwsEniProviderOptions): void {
  // What a tag's value can be: EC2 User Guide, "Tag restrictions".
  if (typeof cluster !== "string" || !/^[\w .:/=+\-@]{1,256}$/.test(cluster))
    throw invalid(
      "cluster",
      cluster,
      "name the cluster: 1 to 256 letters, digits, spaces and . : / = + - @ _",
    );
  for (const key of Object.keys(tags))
    if (/^(netloom:|aws:|$)/i.test(key)) throw invalid("tags", key, "netloom: and aws: are taken");
  for (const [name, selection] of Object.entries({ subnets, securityGroups })) {
    if (selection?.ids !== undefined && selection.tags !== undefined)
      throw invalid(name, selection, "select by ids or by tags");
    if (selection?.ids?.length === 0)
      throw invalid(name, selection, "name one id at least, or leave ids out");
  }
}

function invalid(name: string, input: unknown, remedy: string): NetloomError {
  const shown = typeof input === "string" ? input : JSON.stringify(input);
  return new NetloomError("ERR_OPTIONS_INVALID", `option ${name} ${shown} is not acceptable`, {
    input,
    remedy,
    backend: "aws-eni",
  });
}
