import { awsEniProvider, Ec2Error, EC2_THROTTLES, type AwsEniProviderOptions } from "@netloom/ipam-aws-eni";
import { CloudError, faultOf, type CloudCall, type CloudProvider } from "@netloom/ipam-cloud";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cannedEc2, type CannedEc2, type Said } from "./support/canned-ec2.ts";
import { clientOf, CREDENTIALS } from "./support/stage.ts";

const node = { name: "node1", instance: "i-1", zone: "eu-west-1a", instanceType: "m6i.large" };
const call: CloudCall = {
  signal: new AbortController().signal,
  intent: "grow-1",
  first: true,
  admit: async () => {},
};
const again: CloudCall = { ...call, first: false };

const INSTANCE =
  "<reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceType>m6i.large</instanceType><vpcId>vpc-1</vpcId><placement><availabilityZone>eu-west-1b</availabilityZone></placement></item></instancesSet></item></reservationSet>";

function subnets(ids: readonly string[], token = ""): string {
  const items = ids.map(
    (id) =>
      `<item><subnetId>${id}</subnetId><cidrBlock>10.0.0.0/24</cidrBlock><availabilityZone>eu-west-1a</availabilityZone><availableIpAddressCount>7</availableIpAddressCount><ipv6CidrBlockAssociationSet><item><ipv6CidrBlock>2001:0DB8:0:0::/64</ipv6CidrBlock><ipv6CidrBlockState><state>associated</state></ipv6CidrBlockState></item></ipv6CidrBlockAssociationSet><tagSet><item><key>role</key><value>pods</value></item></tagSet></item>`,
  );
  return `<subnetSet>${items.join("")}</subnetSet><nextToken>${token}</nextToken>`;
}

interface Attached {
  readonly instance?: string;
  readonly status?: string;
  readonly flag?: boolean;
  readonly singles?: readonly string[];
}

function networkInterface({
  instance,
  status = "attached",
  flag = false,
  singles = [],
}: Attached = {}): string {
  const attachment =
    instance === undefined
      ? "<status>available</status>"
      : `<status>in-use</status><attachment><attachmentId>att-1</attachmentId><instanceId>${instance}</instanceId><deviceIndex>1</deviceIndex><networkCardIndex>0</networkCardIndex><status>${status}</status><deleteOnTermination>${flag}</deleteOnTermination></attachment>`;
  const addresses = ["10.0.0.5", ...singles].map(
    (address, index) =>
      `<item><privateIpAddress>${address}</privateIpAddress><primary>${index === 0}</primary></item>`,
  );
  return `<networkInterfaceId>eni-1</networkInterfaceId><subnetId>subnet-a</subnetId>${attachment}<privateIpAddressesSet>${addresses.join("")}</privateIpAddressesSet><tagSet><item><key>netloom:cluster</key><value>test</value></item><item><key>netloom:intent</key><value>grow-1</value></item></tagSet>`;
}

const list = (...all: readonly string[]): string =>
  `<networkInterfaceSet>${all.map((one) => `<item>${one}</item>`).join("")}</networkInterfaceSet>`;
/** The same on a network card of its own, at the index of a first one, with another id and group. */
const onCard = (one: string, card: number): string =>
  one
    .replaceAll("eni-1", `eni-card-${card}`)
    .replace("<networkCardIndex>0<", `<networkCardIndex>${card}<`)
    .replace("<deviceIndex>1<", "<deviceIndex>0<")
    .replace(
      "<privateIpAddressesSet>",
      `<groupSet><item><groupId>sg-card-${card}</groupId></item></groupSet><privateIpAddressesSet>`,
    );
const NONE = "<networkInterfaceSet/>";
const MADE = `<networkInterface>${networkInterface()}</networkInterface>`;
const ATTACHED = "<attachmentId>att-1</attachmentId>";
const DONE = "<return>true</return>";

async function withEc2(
  answers: Readonly<Record<string, Said | readonly Said[]>>,
  options: Partial<AwsEniProviderOptions>,
  test: (provider: CloudProvider, ec2: CannedEc2) => Promise<void>,
): Promise<void> {
  await using ec2 = await cannedEc2(answers);
  const client = clientOf(ec2.url);
  try {
    await test(awsEniProvider({ cluster: "test", client, ...options }), ec2);
  } finally {
    client.destroy();
  }
}

/** Filters of a request, as text. */
function filtersOf(request: URLSearchParams | undefined): readonly string[] {
  const names = [...(request ?? [])].filter(([key]) => /^Filter\.\d+\.Name$/.test(key));
  return names.map(([key, name]) => {
    const values = [...request!].filter(([other]) => other.startsWith(key.replace("Name", "Value.")));
    return `${name}=${values.map(([, value]) => value).join(",")}`;
  });
}

function actionsOf({ requests }: CannedEc2): readonly (string | null)[] {
  return requests.map((request) => request.get("Action"));
}

async function idsOf(provider: CloudProvider, of = node as Parameters<CloudProvider["pools"]>[0]) {
  const ids: string[] = [];
  for await (const { id } of provider.pools(of, call)) ids.push(id);
  return ids;
}

describe("subnets", () => {
  it("are those of the node's VPC and zone, with what EC2 says of them", () =>
    withEc2({ DescribeSubnets: subnets(["subnet-a"]) }, { vpc: "vpc-1" }, async (provider, ec2) => {
      for await (const pool of provider.pools(node, call)) {
        expect(pool).toEqual({
          id: "subnet-a",
          zone: "eu-west-1a",
          cidrs: ["10.0.0.0/24", "2001:db8::/64"],
          tags: { role: "pods" },
          freeAddresses: { 4: 7 },
        });
      }
      expect(filtersOf(ec2.requests[0])).toEqual([
        "vpc-id=vpc-1",
        "availability-zone=eu-west-1a",
        "state=available",
      ]);
      expect(ec2.requests[0]?.get("MaxResults")).toBe("1000");
    }));

  it("are asked of the instance's VPC and zone where these are not known", () =>
    withEc2(
      { DescribeInstances: INSTANCE, DescribeSubnets: subnets(["subnet-a"]) },
      {},
      async (provider, ec2) => {
        await idsOf(provider, { name: "node1", instance: "i-1" });
        expect(filtersOf(ec2.requests[1])).toEqual([
          "vpc-id=vpc-1",
          "availability-zone=eu-west-1b",
          "state=available",
        ]);
      },
    ));

  it("can be selected by id, by tag, and in every zone; patterns are no patterns", async () => {
    const answers = { DescribeSubnets: subnets([]) };
    await withEc2(answers, { subnets: { ids: ["subnet-a", "subnet-b"] } }, async (provider, ec2) => {
      await idsOf(provider);
      expect(filtersOf(ec2.requests[0])).toContain("subnet-id=subnet-a,subnet-b");
    });
    const tags = { role: "pods*" };
    await withEc2(answers, { vpc: "vpc-1", subnets: { tags, sameZone: false } }, async (provider, ec2) => {
      await idsOf(provider);
      expect(filtersOf(ec2.requests[0])).toEqual([
        "vpc-id=vpc-1",
        String.raw`tag:role=pods\*`,
        "state=available",
      ]);
    });
  });

  it("are listed once each, whatever moves from page to page", () =>
    withEc2(
      { DescribeSubnets: [subnets(["a", "b"], "more"), subnets(["b", "c"])] },
      { vpc: "vpc-1" },
      async (provider, ec2) => {
        expect(await idsOf(provider)).toEqual(["a", "b", "c"]);
        expect(ec2.requests[1]?.get("NextToken")).toBe("more");
      },
    ));

  it("are nobody's where the instance has ended", () =>
    withEc2({ DescribeInstances: "<reservationSet/>" }, {}, async (provider) => {
      await expect(idsOf(provider)).rejects.toMatchObject({ fault: { kind: "gone", what: "instance" } });
    }));
});

function typed(rest: string): string {
  return `<instanceTypeSet><item><instanceType>x</instanceType>${rest}</item></instanceTypeSet>`;
}

const NETWORK =
  "<maximumNetworkInterfaces>60</maximumNetworkInterfaces><ipv4AddressesPerInterface>50</ipv4AddressesPerInterface><ipv6AddressesPerInterface>50</ipv6AddressesPerInterface><ipv6Supported>true</ipv6Supported>";

describe("limits", () => {
  it.each([
    [
      "a Nitro type",
      `<hypervisor>nitro</hypervisor><networkInfo>${NETWORK}</networkInfo>`,
      60,
      undefined,
      50,
    ],
    ["bare metal", `<bareMetal>true</bareMetal><networkInfo>${NETWORK}</networkInfo>`, 60, undefined, 50],
    ["a Xen type", `<hypervisor>xen</hypervisor><networkInfo>${NETWORK}</networkInfo>`, 60, {}, undefined],
    [
      "a type of several network cards",
      `<hypervisor>nitro</hypervisor><networkInfo>${NETWORK}<networkCards><item><networkCardIndex>0</networkCardIndex><maximumNetworkInterfaces>15</maximumNetworkInterfaces></item></networkCards></networkInfo>`,
      15,
      undefined,
      50,
    ],
  ])("of %s", (_, rest, interfaces, blocks, six) =>
    withEc2({ DescribeInstanceTypes: typed(rest) }, {}, async (provider) => {
      const limits = await provider.limits(node, call);
      expect(limits?.interfaces).toBe(interfaces);
      expect(limits?.slots).toEqual(six === undefined ? { 4: 50 } : { 4: 50, 6: six });
      expect(limits?.blocks).toEqual(blocks);
    }),
  );

  it("are those of the type that EC2 says it is, where nobody else does", () =>
    withEc2(
      { DescribeInstances: INSTANCE, DescribeInstanceTypes: typed(`<networkInfo>${NETWORK}</networkInfo>`) },
      {},
      async (provider, ec2) => {
        await provider.limits({ name: "node1", instance: "i-1" }, call);
        expect(ec2.requests[1]?.get("InstanceType.1")).toBe("m6i.large");
      },
    ));

  it("are not guessed", () =>
    withEc2({ DescribeInstanceTypes: { code: "InvalidInstanceType" } }, {}, async (provider) => {
      expect(await provider.limits(node, call)).toBeUndefined();
    }));
});

const REQUEST = { node, pool: "subnet-a", index: 1, securityGroups: ["sg-first"], want: [] };

describe("a new interface", () => {
  const answers = {
    CreateNetworkInterface: MADE,
    AttachNetworkInterface: ATTACHED,
    ModifyNetworkInterfaceAttribute: DONE,
  };

  it("takes three requests, and says what it is for in the first", () =>
    withEc2(answers, { tags: { team: "net" } }, async (provider, ec2) => {
      const want = [
        { family: 4, prefix: 28, count: 2 },
        { family: 6, prefix: 80, count: 1 },
      ] as const;
      const made = await provider.ensureInterface!({ ...REQUEST, want }, call);
      expect(made).toMatchObject({
        id: "eni-1",
        state: "attaching",
        index: 1,
        managed: true,
        intent: "grow-1",
      });
      expect(actionsOf(ec2)).toEqual(Object.keys(answers));
      const [create, , modify] = ec2.requests;
      const sent = Object.fromEntries(create!);
      expect(sent).toMatchObject({
        SubnetId: "subnet-a",
        ClientToken: "grow-1",
        Ipv4PrefixCount: "2",
        Ipv6PrefixCount: "1",
        "SecurityGroupId.1": "sg-first",
        "TagSpecification.1.ResourceType": "network-interface",
        "TagSpecification.1.Tag.1.Key": "team",
        "TagSpecification.1.Tag.2.Key": "netloom:cluster",
        "TagSpecification.1.Tag.2.Value": "test",
        "TagSpecification.1.Tag.3.Key": "netloom:intent",
        "TagSpecification.1.Tag.3.Value": "grow-1",
      });
      expect(sent).not.toHaveProperty("SecondaryPrivateIpAddressCount");
      expect(Object.fromEntries(modify!)).toMatchObject({
        "Attachment.AttachmentId": "att-1",
        "Attachment.DeleteOnTermination": "true",
      });
    }));

  it("has the groups it is told to: by id, or by tag", async () => {
    await withEc2(answers, { securityGroups: { ids: ["sg-a", "sg-b"] } }, async (provider, ec2) => {
      await provider.ensureInterface!(REQUEST, call);
      expect(ec2.requests[0]?.get("SecurityGroupId.1")).toBe("sg-a");
      expect(ec2.requests[0]?.get("SecurityGroupId.2")).toBe("sg-b");
    });
    const groups =
      "<securityGroupInfo><item><groupId>sg-z</groupId></item><item><groupId>sg-y</groupId></item></securityGroupInfo>";
    const options = { vpc: "vpc-1", securityGroups: { tags: { role: "pods" } } };
    await withEc2({ ...answers, DescribeSecurityGroups: groups }, options, async (provider, ec2) => {
      await provider.ensureInterface!(REQUEST, call);
      expect(filtersOf(ec2.requests[0])).toEqual(["vpc-id=vpc-1", "tag:role=pods"]);
      expect(ec2.requests[1]?.get("SecurityGroupId.1")).toBe("sg-y");
    });
    const none = "<securityGroupInfo/>";
    await withEc2({ ...answers, DescribeSecurityGroups: none }, options, async (provider, ec2) => {
      await expect(provider.ensureInterface!(REQUEST, call)).rejects.toThrow(/no security group.*role=pods/);
      expect(actionsOf(ec2)).toEqual(["DescribeSecurityGroups"]);
    });
  });

  it("takes another index where EC2 says in its message only that one is taken", () => {
    const message = "Instance 'i-1' already has an interface attached at device index '1'.";
    const taken = { code: "InvalidParameterValue", message };
    const others = list(networkInterface({ instance: "i-1" }).replace(">1<", ">0<"));
    return withEc2(
      { ...answers, AttachNetworkInterface: [taken, ATTACHED], DescribeNetworkInterfaces: others },
      {},
      async (provider, ec2) => {
        expect((await provider.ensureInterface!(REQUEST, call)).index).toBe(2);
        expect(actionsOf(ec2).filter((action) => action === "AttachNetworkInterface")).toHaveLength(2);
      },
    );
  });

  it("is looked for before one is made, where it may have been made before", () =>
    withEc2(
      { ...answers, DescribeNetworkInterfaces: list(networkInterface()) },
      {},
      async (provider, ec2) => {
        await provider.ensureInterface!(REQUEST, again);
        expect(actionsOf(ec2)).not.toContain("CreateNetworkInterface");
        expect(filtersOf(ec2.requests[0])).toEqual(["tag:netloom:cluster=test", "tag:netloom:intent=grow-1"]);
      },
    ));

  it("is waited for where its token was used for something else, which is not visible yet", () =>
    withEc2(
      { CreateNetworkInterface: { code: "IdempotentParameterMismatch" }, DescribeNetworkInterfaces: NONE },
      {},
      async (provider) => {
        const want = [{ family: 4, prefix: 28, count: 1 }] as const;
        const error: unknown = await provider.ensureInterface!({ ...REQUEST, want }, again).catch(
          (error: unknown) => error,
        );
        expect(faultOf(provider, error)).toEqual({ kind: "transient" });
      },
    ));
});

describe("an interface to be finished", () => {
  it("is never made anew: while it is not seen, it is waited for", () =>
    withEc2({ DescribeNetworkInterfaces: NONE }, {}, async (provider, ec2) => {
      const error: unknown = await provider.ensureInterface!(REQUEST, again).catch((error: unknown) => error);
      expect(faultOf(provider, error)).toEqual({ kind: "transient" });
      expect(actionsOf(ec2)).toEqual(["DescribeNetworkInterfaces"]);
    }));

  it("that its token gives back although it was deleted is gone", () =>
    withEc2(
      {
        DescribeNetworkInterfaces: NONE,
        CreateNetworkInterface: MADE,
        AttachNetworkInterface: { code: "InvalidNetworkInterfaceID.NotFound" },
      },
      {},
      async (provider) => {
        const want = [{ family: 4, prefix: 28, count: 1 }] as const;
        const error: unknown = await provider.ensureInterface!({ ...REQUEST, want }, again).catch(
          (error: unknown) => error,
        );
        expect(faultOf(provider, error)).toEqual({ kind: "gone", what: "interface" });
      },
    ));
});

describe("DeleteOnTermination", () => {
  const shown = (flag: boolean): string => list(networkInterface({ instance: "i-1", flag }));

  it("is what EC2 shows, not what it was told", async () => {
    for (const flag of [true, false]) {
      const answers = { DescribeNetworkInterfaces: shown(flag), DescribeSubnets: subnets(["subnet-a"]) };
      await withEc2(answers, {}, async (provider) => {
        const read = await provider.readNode(node, call);
        expect(read?.interfaces[0]?.deleteWithInstance).toBe(flag);
      });
    }
  });

  it("is set again where it is not set, and looked at", () =>
    withEc2(
      { DescribeNetworkInterfaces: [shown(false), shown(true)], ModifyNetworkInterfaceAttribute: DONE },
      {},
      async (provider) => {
        const one = await provider.ensureInterface!(REQUEST, again);
        expect(one).toMatchObject({ deleteWithInstance: true, state: "attached" });
      },
    ));

  it("is not taken for set because EC2 had no objection", () =>
    withEc2(
      { DescribeNetworkInterfaces: shown(false), ModifyNetworkInterfaceAttribute: DONE },
      {},
      async (provider) => {
        const error: unknown = await provider.ensureInterface!(REQUEST, again).catch(
          (error: unknown) => error,
        );
        expect(faultOf(provider, error)).toEqual({ kind: "transient" });
        expect((error as CloudError).message).toMatch(/eni-1 would outlive i-1/);
      },
    ));
});

describe("network cards", () => {
  const here = networkInterface({ instance: "i-1", flag: true });
  const answers = {
    DescribeNetworkInterfaces: list(onCard(here, 1), onCard(here, 2), onCard(here, 0), here),
    DescribeSubnets: subnets(["subnet-a"]),
  };

  it("but the first are none of the node's, for its limits are the first's", () =>
    withEc2(answers, {}, async (provider) => {
      const read = await provider.readNode(node, call);
      expect(read?.interfaces.map(({ id }) => id)).toEqual(["eni-card-0", "eni-1"]);
    }));

  it("but the first have no first interface", () =>
    withEc2(
      {
        ...answers,
        CreateNetworkInterface: MADE,
        AttachNetworkInterface: ATTACHED,
        ModifyNetworkInterfaceAttribute: DONE,
      },
      {},
      async (provider, ec2) => {
        const { securityGroups: _, ...request } = REQUEST;
        await provider.ensureInterface!(request, call);
        expect(ec2.requests[1]?.get("SecurityGroupId.1")).toBe("sg-card-0");
      },
    ));
});

describe("the router of an interface", () => {
  const answers = {
    DescribeNetworkInterfaces: list(networkInterface({ instance: "i-1", flag: true })),
    DescribeSubnets: subnets(["subnet-a"]),
  };

  it("is its subnet's, which is asked for once", () =>
    withEc2(answers, {}, async (provider, ec2) => {
      for (let count = 0; count < 2; count++) {
        const [one] = (await provider.readNode(node, call))!.interfaces;
        expect(one?.gateway).toBe("10.0.0.1");
      }
      expect(actionsOf(ec2).filter((action) => action === "DescribeSubnets")).toHaveLength(1);
      expect(filtersOf(ec2.requests[1])).toEqual(["subnet-id=subnet-a"]);
    }));

  it("is known where the node's subnets have been read", () =>
    withEc2(answers, { vpc: "vpc-1" }, async (provider, ec2) => {
      await idsOf(provider);
      expect((await provider.readNode(node, call))!.interfaces[0]?.gateway).toBe("10.0.0.1");
      expect(actionsOf(ec2)).toEqual(["DescribeSubnets", "DescribeNetworkInterfaces"]);
    }));
});

describe("an interface that is", () => {
  it("attached to another instance is not taken from it", () =>
    withEc2(
      { DescribeNetworkInterfaces: list(networkInterface({ instance: "i-other" })) },
      {},
      async (provider, ec2) => {
        const error: unknown = await provider.ensureInterface!(REQUEST, again).catch(
          (error: unknown) => error,
        );
        expect(faultOf(provider, error)).toEqual({ kind: "conflict", what: "in-use" });
        expect(ec2.requests).toHaveLength(1);
      },
    ));

  it("being detached is deleted when it is, and not detached again", () => {
    const leaving = list(networkInterface({ instance: "i-1", status: "detaching" }));
    const busy = { code: "InvalidParameterValue", message: "Network interface 'eni-1' is currently in use." };
    const clock = { now: () => 0, monotonic: () => 0, after: soon };
    return withEc2(
      { DescribeNetworkInterfaces: leaving, DeleteNetworkInterface: [busy, busy, DONE] },
      { clock },
      async (provider, ec2) => {
        await provider.removeInterface!({ interface: "eni-1" }, call);
        expect(actionsOf(ec2).slice(1)).toEqual(Array.from({ length: 3 }, () => "DeleteNetworkInterface"));
      },
    );
  });
});

describe("an interface that is gone", () => {
  const codes = ["InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterface.NotFound"];

  it.each(codes)("is removed: %s", (code) =>
    withEc2(
      { DescribeNetworkInterfaces: NONE, DeleteNetworkInterface: { code } },
      {},
      async (provider, ec2) => {
        await provider.removeInterface!({ interface: "eni-1" }, call);
        expect(actionsOf(ec2)).toEqual(["DescribeNetworkInterfaces", "DeleteNetworkInterface"]);
        expect(filtersOf(ec2.requests[0])).toEqual(["network-interface-id=eni-1"]);
        expect(ec2.requests[0]?.get("MaxResults")).toBe("1000");
      },
    ),
  );

  it.each(codes)("has no address to be taken away: %s", (code) =>
    withEc2({ UnassignPrivateIpAddresses: { code } }, {}, async (provider, ec2) => {
      await provider.unassign!({ node, interface: "eni-1", cidrs: ["10.0.0.7/32"] }, call);
      expect(ec2.requests).toHaveLength(1);
    }),
  );

  it("is another thing than an instance that is", () =>
    withEc2(
      { DescribeNetworkInterfaces: NONE, DeleteNetworkInterface: { code: "InvalidInstanceID.NotFound" } },
      {},
      async (provider) => {
        await expect(provider.removeInterface!({ interface: "eni-1" }, call)).rejects.toThrow(Ec2Error);
      },
    ));
});

describe("addresses to be taken away", () => {
  const cidrs = ["10.0.0.7/32", "10.0.0.8/32"];

  it.each(["InvalidParameterValue", "InvalidAddress.NotFound"])(
    "are taken away where one of them is gone: %s",
    (code) =>
      withEc2(
        {
          UnassignPrivateIpAddresses: [{ code }, DONE],
          DescribeNetworkInterfaces: list(networkInterface({ singles: ["10.0.0.8"] })),
        },
        {},
        async (provider, ec2) => {
          await provider.unassign!({ node, interface: "eni-1", cidrs }, call);
          expect(ec2.requests[2]?.get("PrivateIpAddress.1")).toBe("10.0.0.8");
        },
      ),
  );
});

/** Time that passes at once. */
function soon(_: number, then: () => void): { cancel(): void } {
  const timer = setImmediate(then);
  return { cancel: () => clearImmediate(timer) };
}

describe("addresses asked for exactly", () => {
  const refused = { code: "InvalidParameterValue", message: "10.0.0.7 is assigned, but move is not allowed" };
  const exact = ["10.0.0.7/32", "10.0.0.8/32"];
  const request = { node, interface: "eni-1", family: 4, prefix: 32, count: 2, exact } as const;

  it("are had where the interface has them", () =>
    withEc2(
      {
        AssignPrivateIpAddresses: refused,
        DescribeNetworkInterfaces: list(networkInterface({ singles: ["10.0.0.7", "10.0.0.8"] })),
      },
      {},
      async (provider) => {
        expect(await provider.assign(request, call)).toEqual(exact);
      },
    ));

  it("are asked for without those that it has", () =>
    withEc2(
      {
        AssignPrivateIpAddresses: [refused, "<networkInterfaceId>eni-1</networkInterfaceId>"],
        DescribeNetworkInterfaces: list(networkInterface({ singles: ["10.0.0.7"] })),
      },
      {},
      async (provider, ec2) => {
        expect(await provider.assign(request, call)).toEqual(exact);
        expect(ec2.requests[2]?.get("PrivateIpAddress.1")).toBe("10.0.0.8");
        expect(ec2.requests[2]?.get("PrivateIpAddress.2")).toBeNull();
      },
    ));

  it("are refused where somebody else has them", () =>
    withEc2(
      { AssignPrivateIpAddresses: refused, DescribeNetworkInterfaces: list(networkInterface()) },
      {},
      async (provider) => {
        const error: unknown = await provider.assign(request, call).catch((error: unknown) => error);
        expect(faultOf(provider, error)).toEqual({ kind: "conflict", what: "in-use" });
      },
    ));
});

describe("options", () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each<[string, Partial<AwsEniProviderOptions>]>([
    ["cluster", { cluster: "" }],
    ["tags", { tags: { "netloom:cluster": "mine" } }],
    ["tags", { tags: { "aws:x": "mine" } }],
    ["subnets", { subnets: { ids: ["a"], tags: {} } }],
    ["securityGroups", { securityGroups: { ids: [] } }],
  ])("refuses a wrong %s", (name, options) => {
    expect(() => awsEniProvider({ cluster: "test", ...options })).toThrow(
      expect.objectContaining({
        code: "ERR_OPTIONS_INVALID",
        message: expect.stringContaining(`option ${name} `),
      }),
    );
  });

  it("refuses a client that sends requests again by itself", () =>
    withEc2({}, { client: clientOf("http://127.0.0.1:1", 3) }, async (provider) => {
      await expect(provider.readNode(node, call)).rejects.toMatchObject({ code: "ERR_OPTIONS_INVALID" });
    }));

  it("makes a client that sends each request once", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", CREDENTIALS.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secretAccessKey);
    await using ec2 = await cannedEc2({ "*": { code: "Unavailable", status: 503 } });
    const provider = awsEniProvider({ cluster: "test", endpoint: ec2.url, region: "eu-west-1" });
    await expect(provider.readNode(node, call)).rejects.toMatchObject({ code: "Unavailable" });
    expect(ec2.requests).toHaveLength(1);
  });

  it("replaces declared throttles by action", () => {
    const own = { name: "shared", actions: ["AssignPrivateIpAddresses"], capacity: 5, perSecond: 1 };
    const { throttles } = awsEniProvider({ cluster: "test", throttles: [own] }).capabilities;
    expect(throttles).toContain(own);
    expect(throttles).toHaveLength(EC2_THROTTLES.length);
    const about = throttles.filter(({ actions }) => actions.includes("AssignPrivateIpAddresses"));
    expect(about).toEqual([own]);
  });
});
