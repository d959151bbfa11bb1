import { systemClock } from "@netloom/core";
import type {
  AssignRequest,
  CloudCall,
  CloudCapabilities,
  CloudFault,
  CloudInterface,
  CloudNode,
  CloudPool,
  CloudProvider,
  EnsureInterfaceRequest,
  NodeInventory,
  NodeLimits,
  Orphan,
  UnassignRequest,
} from "@netloom/ipam-cloud";
import { assign, unassign } from "./addresses.ts";
import { Ec2 } from "./ec2.ts";
import { classifyEc2, hasCode } from "./errors.ts";
import { ensureInterface, removeInterface } from "./interfaces.ts";
import { filter, findInstance, interfacesWith, readInterfaces, subnetsOf, tagFilters } from "./network.ts";
import { checkOptions, type AwsEniProviderOptions } from "./options.ts";
import { throttlesWith } from "./throttles.ts";
import { CLUSTER_TAG, interfaceOf, limitsOf } from "./views.ts";

/**
 * EC2 as a cloud of `@netloom/ipam-cloud`: elastic network interfaces, addresses, prefixes of /28 and /80. No I/O until it is
 * first asked for something.
 *
 * @throws {@link NetloomError} `ERR_OPTIONS_INVALID`.
 */
export function awsEniProvider(options: AwsEniProviderOptions): CloudProvider {
  checkOptions(options);
  return new AwsEni(options);
}

class AwsEni implements CloudProvider {
  readonly name = "aws-eni";
  readonly account: string;
  readonly capabilities: CloudCapabilities;
  readonly #options: AwsEniProviderOptions;
  readonly #ec2: Ec2;

  constructor(options: AwsEniProviderOptions) {
    const { account = "default", region, clock = systemClock, throttles = [] } = options;
    this.account = `aws/${account}/${typeof region === "string" ? region : "default"}`;
    this.#options = options;
    this.#ec2 = new Ec2(options, clock);
    this.capabilities = {
      families: [4, 6],
      interfaces: "dynamic",
      // IPv6 is by prefix: a single address of it is the host's own.
      singles: [4],
      blocks: { 4: 28, 6: 80 },
      exact: true,
      release: true,
      throttles: throttlesWith(throttles),
    };
  }

  pools(node: CloudNode, call: CloudCall): AsyncGenerator<CloudPool> {
    return subnetsOf(this.#ec2, this.#options, node, call);
  }

  async readNode(node: CloudNode, call: CloudCall): Promise<NodeInventory | undefined> {
    const interfaces = await readInterfaces(this.#ec2, this.#options, node, call);
    if (interfaces.length > 0) return { node, interfaces };
    // Every instance has an interface, but for those that are gone or not visible yet.
    const instance = await findInstance(this.#ec2, node.instance, call);
    return instance === undefined ? undefined : { node, interfaces };
  }

  async limits({ instance, instanceType }: CloudNode, call: CloudCall): Promise<NodeLimits | undefined> {
    const name = instanceType ?? (await findInstance(this.#ec2, instance, call))?.InstanceType;
    if (name === undefined) return undefined;
    try {
      const input = { InstanceTypes: [name as never] };
      const { InstanceTypes = [] } = await this.#ec2.send("DescribeInstanceTypes", input, call);
      const [type] = InstanceTypes;
      return type === undefined ? undefined : limitsOf(type);
    } catch (error) {
      if (hasCode(error, "InvalidInstanceType", "InvalidParameterValue")) return undefined;
      throw error;
    }
  }

  ensureInterface(request: EnsureInterfaceRequest, call: CloudCall): Promise<CloudInterface> {
    return ensureInterface(this.#ec2, this.#options, request, call);
  }

  removeInterface({ interface: id }: { readonly interface: string }, call: CloudCall): Promise<void> {
    return removeInterface(this.#ec2, this.#options, id, call);
  }

  assign(request: AssignRequest, call: CloudCall): Promise<readonly string[]> {
    return assign(this.#ec2, request, call);
  }

  unassign(request: UnassignRequest, call: CloudCall): Promise<void> {
    return unassign(this.#ec2, request, call);
  }

  /** EC2 does not tell how old they are. */
  async *orphans(call: CloudCall): AsyncGenerator<Orphan> {
    const { cluster } = this.#options;
    const filters = [filter("status", "available"), ...tagFilters({ [CLUSTER_TAG]: cluster })];
    for await (const one of interfacesWith(this.#ec2, filters, call)) {
      const { id, intent } = interfaceOf(one, cluster);
      yield { interface: id, ...(intent === undefined ? {} : { intent }) };
    }
  }

  classify(error: unknown): CloudFault {
    return classifyEc2(error, this.#ec2.clock.now());
  }
}
