import { inspect } from "node:util";
import { awsEniProvider, Ec2Error } from "@netloom/ipam-aws-eni";
import { faultOf, type CloudCall, type CloudFault } from "@netloom/ipam-cloud";
import { describe, expect, it } from "vitest";
import { cannedEc2, DROP, type Said } from "./support/canned-ec2.ts";
import { clientOf, CREDENTIALS } from "./support/stage.ts";

const node = { name: "node1", instance: "i-1", zone: "eu-west-1a", instanceType: "m6i.large" };
const call: CloudCall = {
  signal: new AbortController().signal,
  intent: "grow-1",
  first: true,
  admit: async () => {},
};
const ASSIGN = { node, interface: "eni-1", family: 4, prefix: 32, count: 1 } as const;
const CREATE = { node, pool: "subnet-a", securityGroups: ["sg-1"], want: [], index: 1 };

type Provider = ReturnType<typeof awsEniProvider>;

async function failing(
  said: Said,
  ask: (provider: Provider) => Promise<unknown> = (provider) => provider.assign(ASSIGN, call),
): Promise<{ readonly fault: CloudFault; readonly error: Error }> {
  await using server = await cannedEc2({ "*": said });
  const client = clientOf(server.url);
  const provider = awsEniProvider({ cluster: "test", client });
  try {
    await ask(provider);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { fault: faultOf(provider, error), error };
  } finally {
    client.destroy();
  }
  throw new Error("it should have failed");
}

const FAULTS: readonly (readonly [code: string, fault: CloudFault, message?: string])[] = [
  ["RequestLimitExceeded", { kind: "throttled", bucket: "AssignPrivateIpAddresses" }],
  ["Throttling", { kind: "throttled", bucket: "AssignPrivateIpAddresses" }],
  ["UnauthorizedOperation", { kind: "denied", action: "ec2:AssignPrivateIpAddresses" }],
  [
    "UnauthorizedOperation",
    { kind: "denied", action: "ec2:CreateTags" },
    "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: ec2:CreateTags on resource: *",
  ],
  ["AuthFailure", { kind: "credentials", why: "missing" }],
  ["ExpiredToken", { kind: "credentials", why: "expired" }],
  ["RequestExpired", { kind: "credentials", why: "expired" }],
  ["InvalidSecurity.RequestHasExpired", { kind: "credentials", why: "clock-skew" }],
  [
    "SignatureDoesNotMatch",
    { kind: "credentials", why: "clock-skew" },
    "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
  ],
  ["InsufficientFreeAddressesInSubnet", { kind: "exhausted", what: "pool-addresses" }],
  ["InsufficientCidrBlocks", { kind: "exhausted", what: "pool-blocks" }],
  ["PrivateIpAddressLimitExceeded", { kind: "exhausted", what: "interface-slots", id: "eni-1" }],
  ["InvalidInterface.IpAddressLimitExceeded", { kind: "exhausted", what: "interface-slots", id: "eni-1" }],
  ["NetworkInterfaceLimitExceeded", { kind: "exhausted", what: "quota", id: "network-interfaces" }],
  ["NetworkAddressUsageLimitExceeded", { kind: "exhausted", what: "quota", id: "network-address-usage" }],
  ["InvalidInstanceID.NotFound", { kind: "gone", what: "instance" }],
  ["InvalidNetworkInterfaceID.NotFound", { kind: "gone", what: "interface" }],
  ["InvalidAttachmentID.NotFound", { kind: "gone", what: "interface" }],
  ["InvalidSubnetID.NotFound", { kind: "gone", what: "pool" }],
  ["InvalidNetworkInterface.NotFound", { kind: "gone", what: "interface" }],
  ["InvalidSubnetId.NotFound", { kind: "gone", what: "pool" }],
  ["InvalidSubnet", { kind: "gone", what: "pool" }],
  ["InvalidSubnetID.Malformed", { kind: "invalid" }],
  ["InvalidGroup.NotFound", { kind: "invalid" }],
  ["IncorrectState", { kind: "conflict", what: "version" }],
  ["InvalidState", { kind: "conflict", what: "version" }],
  ["Resource.AlreadyAssigned", { kind: "conflict", what: "in-use" }],
  ["PrivateIpAddressInUse", { kind: "conflict", what: "in-use" }],
  ["InvalidDeviceIndex.InUse", { kind: "conflict", what: "device-index" }],
  ["InvalidParameterValue", { kind: "invalid" }],
  [
    "InvalidParameterValue",
    { kind: "exhausted", what: "pool-addresses" },
    "There aren't sufficient free Ipv4 addresses or prefixes",
  ],
  ["UnsupportedOperation", { kind: "invalid" }],
  ["ConcurrentTagAccess", { kind: "transient" }],
  ["Unavailable", { kind: "transient" }],
  ["InternalError", { kind: "ambiguous" }],
  ["SomethingNew", { kind: "invalid" }],
];

describe("what EC2's refusals mean", () => {
  const cases = FAULTS.map(([code, fault, message]) => ({ code, fault, message }));
  it.each(cases)("$code: $fault", async ({ code, fault, message }) => {
    const failed = await failing({ code, ...(message === undefined ? {} : { message }) });
    expect(failed.fault).toEqual(fault);
    expect(failed.error).toBeInstanceOf(Ec2Error);
    expect(failed.error.message).toContain(`AssignPrivateIpAddresses: ${code}`);
  });

  it("names the subnet and the instance where it was asked of them", async () => {
    const create = (provider: Provider): Promise<unknown> => provider.ensureInterface!(CREATE, call);
    const full = await failing({ code: "InsufficientFreeAddressesInSubnet" }, create);
    expect(full.fault).toEqual({ kind: "exhausted", what: "pool-addresses", id: "subnet-a" });
    const blocks = await failing(
      { code: "InvalidParameterValue", message: "There aren't sufficient free Ipv4 addresses or prefixes" },
      (provider) =>
        provider.ensureInterface!({ ...CREATE, want: [{ family: 4, prefix: 28, count: 1 }] }, call),
    );
    expect(blocks.fault).toEqual({ kind: "exhausted", what: "pool-blocks", id: "subnet-a" });
  });

  it("takes an internal error of a read for one that passes", async () => {
    const { fault } = await failing({ code: "InternalError", status: 500 }, (provider) =>
      provider.readNode(node, call),
    );
    expect(fault).toEqual({ kind: "transient" });
  });

  it.each([408, 500, 503])(
    "does not know what came of a request that ends in %d, for a reason it has not heard of",
    async (status) => {
      const { fault } = await failing({ code: "SomethingNew", status });
      expect(fault).toEqual({ kind: "ambiguous" });
    },
  );

  it("does not know what came of a request whose answer is no answer of EC2", async () => {
    for (const status of [400, 404, 502])
      expect((await failing({ status, body: "<html>Bad gateway</html>" })).fault).toEqual({
        kind: "ambiguous",
      });
    expect((await failing({ status: 429, body: "" })).fault).toMatchObject({ kind: "throttled" });
  });

  it("does not know what came of a request whose connection broke", async () => {
    const { fault, error } = await failing(DROP);
    expect(fault).toEqual({ kind: "ambiguous" });
    expect(error.message).toContain("ECONNRESET");
  });

  it("knows that nothing came of a request that was not let in", async () => {
    const server = await cannedEc2({});
    await server[Symbol.asyncDispose]();
    const provider = awsEniProvider({ cluster: "test", client: clientOf(server.url) });
    const error: unknown = await provider.assign(ASSIGN, call).catch((error: unknown) => error);
    expect(faultOf(provider, error)).toEqual({ kind: "transient" });
  });

  it("does not wait for an answer for ever", async () => {
    const { EC2Client } = await import("@aws-sdk/client-ec2");
    const { createServer } = await import("node:net");
    const silent = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => {
      silent.once("listening", resolve);
    });
    const { port } = silent.address() as { readonly port: number };
    const requestHandler = { requestTimeout: 100, throwOnRequestTimeout: true };
    const options = { endpoint: `http://127.0.0.1:${port}`, region: "eu-west-1", maxAttempts: 1 };
    const client = new EC2Client({ ...options, credentials: CREDENTIALS, requestHandler });
    const provider = awsEniProvider({ cluster: "test", client });
    const error: unknown = await provider.assign(ASSIGN, call).catch((error: unknown) => error);
    silent.close();
    client.destroy();
    expect(faultOf(provider, error)).toEqual({ kind: "ambiguous" });
  });
});

describe("credentials", () => {
  it.each(["AuthFailure", "RequestExpired"])(
    "tells a clock that is wrong from keys that are: %s",
    async (code) => {
      const date = new Date(Date.now() + 3_600_000).toUTCString();
      const { fault, error } = await failing({ code, status: 401, date });
      expect(fault).toEqual({ kind: "credentials", why: "clock-skew" });
      expect(error.message).toMatch(/this clock is 3[56]\d\d s behind EC2's/);
    },
  );

  it("have expired where a request has, and the clock is right", async () => {
    const date = new Date().toUTCString();
    const { fault } = await failing({ code: "RequestExpired", message: "Request has expired.", date });
    expect(fault).toEqual({ kind: "credentials", why: "expired" });
  });

  it("says that there are none", async () => {
    const { EC2Client } = await import("@aws-sdk/client-ec2");
    const credentials = async (): Promise<never> => {
      const error = new Error("Could not load credentials from any providers");
      error.name = "CredentialsProviderError";
      throw error;
    };
    const client = new EC2Client({ region: "eu-west-1", credentials, maxAttempts: 1 });
    const provider = awsEniProvider({ cluster: "test", client });
    const error: unknown = await provider.assign(ASSIGN, call).catch((error: unknown) => error);
    expect(faultOf(provider, error)).toEqual({ kind: "credentials", why: "missing" });
  });

  it("are in no error, although EC2 quotes the request it was sent", async () => {
    const message = `The request signature we calculated does not match.

The Canonical String for this request should have been
'POST
x-amz-security-token:${CREDENTIALS.sessionToken}`;
    const { error } = await failing({ code: "SignatureDoesNotMatch", status: 403, message });
    const shown = inspect(error, { depth: 10, showHidden: true });
    for (const secret of Object.values(CREDENTIALS)) expect(shown).not.toContain(secret);
    expect(error.message).toContain("The request signature we calculated does not match.");
  });

  it("do not drag EC2's encoded explanation into messages", async () => {
    const message =
      "You are not authorized to perform this operation. Encoded authorization failure message: abc123";
    const { error } = await failing({ code: "UnauthorizedOperation", status: 403, message });
    expect(error.message).not.toContain("abc123");
  });
});
