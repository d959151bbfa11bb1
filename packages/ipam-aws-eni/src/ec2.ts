import { NetloomError, type Clock } from "@netloom/core";
import type { CloudCall } from "@netloom/ipam-cloud";
import type * as Sdk from "@aws-sdk/client-ec2";
import { ec2Error } from "./errors.ts";
import type { About } from "./faults.ts";
import { makeClient, type ClientOptions } from "./client.ts";

/** The actions of EC2 that are used: what each takes and answers. */
interface Actions {
  AssignIpv6Addresses: [Sdk.AssignIpv6AddressesCommandInput, Sdk.AssignIpv6AddressesCommandOutput];
  AssignPrivateIpAddresses: [
    Sdk.AssignPrivateIpAddressesCommandInput,
    Sdk.AssignPrivateIpAddressesCommandOutput,
  ];
  AttachNetworkInterface: [Sdk.AttachNetworkInterfaceCommandInput, Sdk.AttachNetworkInterfaceCommandOutput];
  CreateNetworkInterface: [Sdk.CreateNetworkInterfaceCommandInput, Sdk.CreateNetworkInterfaceCommandOutput];
  DeleteNetworkInterface: [Sdk.DeleteNetworkInterfaceCommandInput, Sdk.DeleteNetworkInterfaceCommandOutput];
  DescribeInstances: [Sdk.DescribeInstancesCommandInput, Sdk.DescribeInstancesCommandOutput];
  DescribeInstanceTypes: [Sdk.DescribeInstanceTypesCommandInput, Sdk.DescribeInstanceTypesCommandOutput];
  DescribeNetworkInterfaces: [
    Sdk.DescribeNetworkInterfacesCommandInput,
    Sdk.DescribeNetworkInterfacesCommandOutput,
  ];
  DescribeSecurityGroups: [Sdk.DescribeSecurityGroupsCommandInput, Sdk.DescribeSecurityGroupsCommandOutput];
  DescribeSubnets: [Sdk.DescribeSubnetsCommandInput, Sdk.DescribeSubnetsCommandOutput];
  DetachNetworkInterface: [Sdk.DetachNetworkInterfaceCommandInput, Sdk.DetachNetworkInterfaceCommandOutput];
  ModifyNetworkInterfaceAttribute: [
    Sdk.ModifyNetworkInterfaceAttributeCommandInput,
    Sdk.ModifyNetworkInterfaceAttributeCommandOutput,
  ];
  UnassignIpv6Addresses: [Sdk.UnassignIpv6AddressesCommandInput, Sdk.UnassignIpv6AddressesCommandOutput];
  UnassignPrivateIpAddresses: [
    Sdk.UnassignPrivateIpAddressesCommandInput,
    Sdk.UnassignPrivateIpAddressesCommandOutput,
  ];
}

export type Ec2Action = keyof Actions;
type Input<Action extends Ec2Action> = Actions[Action][0];
type Output<Action extends Ec2Action> = Actions[Action][1];

/** The most EC2 takes; without one it refuses lists that are too long. */
const PAGE = 1000;

/** EC2, one request at a time: admitted first, refused in words of ours. */
export class Ec2 {
  readonly clock: Clock;
  /** Routers by subnet, once known: a subnet keeps its CIDR for life, and interfaces do not tell it. */
  readonly gateways = new Map<string, string>();
  readonly #options: ClientOptions;
  #opened: Promise<{ readonly sdk: typeof Sdk; readonly client: Sdk.EC2Client }> | undefined;

  constructor(options: ClientOptions, clock: Clock) {
    this.clock = clock;
    this.#options = options;
  }

  /** @throws Ec2Error, or the reason of `call.signal`. */
  async send<Action extends Ec2Action>(
    action: Action,
    input: Input<Action>,
    call: CloudCall,
    about: Omit<About, "action"> = {},
  ): Promise<Output<Action>> {
    call.signal.throwIfAborted();
    const { sdk, client } = await this.#open();
    await call.admit(action);
    call.signal.throwIfAborted();
    // The map above says which belong together; the SDK has a class for each.
    const Command = sdk[`${action}Command`] as unknown as new (input: Input<Action>) => Command<Action>;
    try {
      return await (client as Sender).send(new Command(input), { abortSignal: call.signal });
    } catch (error) {
      call.signal.throwIfAborted();
      throw ec2Error(error, { ...about, action }, this.clock.now());
    }
  }

  /** Every item of every page, once each, however they move meanwhile. */
  async *list<Action extends PagedAction, Item>(
    action: Action,
    input: Input<Action>,
    call: CloudCall,
    read: (answer: Output<Action>) => readonly Item[] | undefined,
    idOf: (item: Item) => string | undefined,
  ): AsyncGenerator<Item> {
    const seen = new Set<string | undefined>();
    for (let token: string | undefined; ;) {
      const page = token === undefined ? {} : { NextToken: token };
      const answer = await this.send(action, { MaxResults: PAGE, ...input, ...page }, call);
      for (const item of read(answer) ?? []) {
        if (seen.has(idOf(item))) continue;
        seen.add(idOf(item));
        yield item;
      }
      token = answer.NextToken;
      if (token === undefined || token === "") return;
    }
  }

  /** Loads the SDK the first time; what failed is tried again. */
  #open(): Promise<{ readonly sdk: typeof Sdk; readonly client: Sdk.EC2Client }> {
    this.#opened ??= makeClient(this.#options).catch((error: unknown) => {
      this.#opened = undefined;
      throw error instanceof NetloomError ? error : ec2Error(error, { action: "connect" }, this.clock.now());
    });
    return this.#opened;
  }
}

type PagedAction = "DescribeNetworkInterfaces" | "DescribeSubnets" | "DescribeSecurityGroups";

interface Command<Action extends Ec2Action> {
  readonly input: Input<Action>;
}

interface Sender {
  send<Action extends Ec2Action>(
    command: Command<Action>,
    options: { readonly abortSignal: AbortSignal },
  ): Promise<Output<Action>>;
}
