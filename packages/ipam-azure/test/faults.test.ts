import { ComputeManagementClient } from "@azure/arm-compute";
import { NetworkManagementClient } from "@azure/arm-network";
import { azureProvider } from "@netloom/ipam-azure";
import { faultOf, type AssignRequest, type CloudFault } from "@netloom/ipam-cloud";
import { describe, expect, it } from "vitest";
import { loadClients } from "../src/clients.ts";
import {
  block,
  callOf,
  Canned,
  machine,
  nic,
  NIC,
  node,
  refusal,
  single,
  type Reply,
} from "./support/canned.ts";
import { credential } from "./support/stage.ts";

const IN_SET =
  "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/x/virtualMachines/0";

const client = "The client 'c' with object id 'o'";

/** What a change comes to whose request is answered so, and how many requests that took. */
async function faultOfChange(
  replies: (url: string) => readonly Reply[],
  request: AssignRequest = single,
): Promise<{ readonly fault: CloudFault; readonly requests: number }> {
  await using azure = await Canned.open((url) => [{ body: nic() }, ...replies(url)]);
  const provider = azure.provider({ blocks: true });
  const error: unknown = await provider.assign(request, callOf()).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return { fault: faultOf(provider, error), requests: azure.received.length };
}

const REFUSALS: readonly (readonly [Reply, CloudFault])[] = [
  [
    refusal(429, "TooManyRequests", "too many", { "retry-after": "17" }),
    { kind: "throttled", bucket: "NetworkUpdates", retryAfter: 17_000 },
  ],
  [refusal(429, "SubscriptionRequestsThrottled"), { kind: "throttled", bucket: "SubscriptionWrites" }],
  [
    refusal(
      403,
      "AuthorizationFailed",
      `${client} does not have authorization to perform action 'Microsoft.Network/networkInterfaces/write' over scope '/x'.`,
    ),
    { kind: "denied", action: "Microsoft.Network/networkInterfaces/write" },
  ],
  [
    refusal(
      403,
      "LinkedAuthorizationFailed",
      `${client} has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope '/x'; however, it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) '/y'.`,
    ),
    { kind: "denied", action: "Microsoft.Network/virtualNetworks/subnets/join/action" },
  ],
  [refusal(403, "RequestDisallowedByPolicy"), { kind: "denied", action: "RequestDisallowedByPolicy" }],
  [refusal(409, "ScopeLocked"), { kind: "denied", action: "ScopeLocked" }],
  [refusal(401, "ExpiredAuthenticationToken"), { kind: "credentials", why: "expired" }],
  [
    refusal(401, "InvalidAuthenticationToken", "The access token is not yet valid"),
    { kind: "credentials", why: "clock-skew" },
  ],
  [
    refusal(401, "InvalidAuthenticationToken", "The access token has expired"),
    { kind: "credentials", why: "expired" },
  ],
  [refusal(401, "AuthenticationFailed"), { kind: "credentials", why: "missing" }],
  [refusal(412, "PreconditionFailed"), { kind: "conflict", what: "version" }],
  [refusal(400, "SubnetIsFull"), { kind: "exhausted", what: "pool-addresses" }],
  [refusal(400, "PrivateIPAddressInUse"), { kind: "conflict", what: "in-use" }],
  [refusal(400, "PrivateIPAddressIsAllocated"), { kind: "conflict", what: "in-use" }],
  [refusal(403, "QuotaExceeded"), { kind: "exhausted", what: "quota" }],
  [refusal(404, "ResourceNotFound"), { kind: "gone", what: "interface" }],
  [refusal(400, "SomethingNew"), { kind: "invalid" }],
  [refusal(409, "ReadOnlyDisabledSubscription"), { kind: "invalid" }],
  [refusal(409, "AnotherOperationInProgress"), { kind: "transient" }],
  [refusal(503, "ServiceUnavailable"), { kind: "transient" }],
  // The change may have got through before whoever answers so.
  [refusal(500, "InternalServerError"), { kind: "ambiguous" }],
  [{ status: 504, body: "<html>Gateway Timeout</html>" }, { kind: "ambiguous" }],
  [{ lost: true }, { kind: "ambiguous" }],
];

describe("a change that Azure refuses", () => {
  it.each(REFUSALS.map(([reply, fault]) => [reply.status ?? "no answer", fault.kind, reply, fault] as const))(
    "%s is %s, and is not sent again",
    async (_status, _kind, reply, fault) => {
      expect(await faultOfChange(() => [reply])).toEqual({ fault, requests: 2 });
    },
  );

  it.each([
    ["is what there is no room for", "SubnetIsFull"],
    ["is a preview that the subscription is not registered for", "SubscriptionNotRegisteredForFeature"],
  ])("says that there is no whole block where a block %s", async (_, code) => {
    const { fault } = await faultOfChange(() => [refusal(400, code)], block);
    expect(fault).toEqual({ kind: "exhausted", what: "pool-blocks" });
  });

  it.each([
    ["a machine on its own is read", {}, node.instance, "SubscriptionReads"],
    ["a machine of a scale set is changed", { machines: "scale-set" }, IN_SET, "VirtualMachineUpdates"],
  ] as const)("names the bucket that is empty: %s", async (_, options, instance, bucket) => {
    const change = bucket === "VirtualMachineUpdates";
    const nics = { value: [nic()] };
    await using azure = await Canned.open(() => [
      ...(change ? [{ body: machine }, { body: nics }] : []),
      refusal(429, "OperationNotAllowed"),
    ]);
    const provider = azure.provider(options);
    const one = { ...node, instance };
    const asked = change
      ? provider.assign({ ...single, node: one }, callOf())
      : provider.limits(one, callOf(""));
    const error: unknown = await asked.catch((cause: unknown) => cause);
    expect(faultOf(provider, error)).toEqual({ kind: "throttled", bucket });
  });
});

describe("a change that Azure has accepted", () => {
  const accepted = (url: string): Reply => ({
    status: 201,
    body: nic(),
    headers: {
      "azure-asyncoperation": `${url}/subscriptions/s/providers/Microsoft.Network/locations/x/operations/1`,
    },
  });
  const ended = (code: string): Reply => ({ body: { status: "Failed", error: { code, message: code } } });

  it.each([
    ["is throttled", refusal(429, "TooManyRequests")],
    ["is denied", refusal(403, "AuthorizationFailed")],
    ["is not found", refusal(404, "NotFound")],
    ["is lost", { lost: true }],
  ] as const)("may have happened where the question for its end %s", async (_, reply) => {
    const { fault } = await faultOfChange((url) => [accepted(url), reply]);
    expect(fault).toEqual({ kind: "ambiguous" });
  });

  it("may have happened where the answer after its end is lost", async () => {
    const { fault } = await faultOfChange((url) => [
      accepted(url),
      { body: { status: "Succeeded" } },
      { lost: true },
    ]);
    expect(fault).toEqual({ kind: "ambiguous" });
  });

  it.each([
    ["SubnetIsFull", { kind: "exhausted", what: "pool-addresses" }],
    ["PrivateIPAddressInUse", { kind: "conflict", what: "in-use" }],
    ["InternalServerError", { kind: "ambiguous" }],
  ] as const)("is what its end says, although that came with 200: %s", async (code, fault) => {
    expect((await faultOfChange((url) => [accepted(url), ended(code)])).fault).toEqual(fault);
  });

  it("may have happened where it was canceled, or its own answer says that it failed", async () => {
    expect((await faultOfChange((url) => [accepted(url), { body: { status: "Canceled" } }])).fault).toEqual({
      kind: "ambiguous",
    });
    const failed = { body: nic(undefined, { provisioningState: "Failed" }) };
    expect((await faultOfChange(() => [failed])).fault).toEqual({ kind: "ambiguous" });
  });
});

describe("a machine that is not found", () => {
  it.each([
    ["ResourceNotFound", undefined],
    ["NotFound", undefined],
    ["SubscriptionNotFound", { kind: "invalid" }],
    ["ResourceGroupNotFound", { kind: "invalid" }],
  ])("is gone, unless it is looked for in the wrong place: %s", async (code, fault) => {
    await using azure = await Canned.open(() => [refusal(404, code)]);
    const provider = azure.provider();
    const answer: unknown = await provider.readNode(node, callOf("")).catch((cause: unknown) => cause);
    expect(answer === undefined ? undefined : faultOf(provider, answer)).toEqual(fault);
  });
});

describe("clients that somebody else has made", () => {
  it("send no change twice, although they would", async () => {
    await using azure = await Canned.open(() => [{ body: nic() }, { lost: true }]);
    const settings = {
      endpoint: azure.url,
      allowInsecureConnection: true,
      retryOptions: { maxRetries: 2, retryDelayInMs: 1 },
    };
    const network = new NetworkManagementClient(credential, "s", settings);
    const compute = new ComputeManagementClient(credential, "s", settings);
    network.pipeline.removePolicy({ name: "bearerTokenAuthenticationPolicy" });
    const provider = azure.provider({ clients: { network, compute } });
    const error: unknown = await provider.assign(single, callOf()).catch((cause: unknown) => cause);
    expect(faultOf(provider, error)).toEqual({ kind: "ambiguous" });
    expect(azure.received.map(({ method }) => method)).toEqual(["GET", "PUT"]);
  });

  it("serve others as before", async () => {
    await using azure = await Canned.open(() => [{ body: machine }, { body: nic() }]);
    const clients = await loadClients({ credential, subscription: "s", endpoint: azure.url });
    const before = clients.network.pipeline.getOrderedPolicies().length;
    await azure.provider({ clients }).limits(node, callOf(""));
    await azure.provider({ clients }).limits(node, callOf(""));
    expect((await clients.network.networkInterfaces.get("g", "nic")).id).toBe(NIC);
    expect(clients.network.pipeline.getOrderedPolicies()).toHaveLength(before + 1);
  });
});

describe("a request that is never sent", () => {
  it("may be sent again where nobody listens", async () => {
    const azure = await Canned.open(() => [{ body: machine }]);
    await azure[Symbol.asyncDispose]();
    const provider = azure.provider();
    const error: unknown = await provider.readNode(node, callOf("")).catch((cause: unknown) => cause);
    expect(faultOf(provider, error)).toEqual({ kind: "transient" });
  });

  it("lacks credentials where there is no token to be had", async () => {
    await using azure = await Canned.open(() => [{ body: machine }]);
    const provider = azure.provider({
      credential: {
        getToken: () =>
          Promise.reject(Object.assign(new Error("no"), { name: "CredentialUnavailableError" })),
      },
    });
    const error: unknown = await provider.readNode(node, callOf("")).catch((cause: unknown) => cause);
    expect(faultOf(provider, error)).toEqual({ kind: "credentials", why: "missing" });
    expect(azure.received).toEqual([]);
  });

  it("is refused where the instance is no machine, or one of the other kind", async () => {
    const provider = azureProvider({ subscription: "s", credential: { getToken: async () => null } });
    for (const instance of ["i-0123", IN_SET]) {
      const error: unknown = await provider
        .readNode({ name: "n", instance }, callOf(""))
        .catch((cause: unknown) => cause);
      expect(faultOf(provider, error)).toEqual({ kind: "invalid" });
    }
  });

  it("needs a credential, or clients", () => {
    expect(() => azureProvider({ subscription: "s" })).toThrow(
      expect.objectContaining({ code: "ERR_OPTIONS_INVALID" }),
    );
  });
});
