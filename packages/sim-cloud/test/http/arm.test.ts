import { ManualClock } from "@netloom/core/memory";
import { simCloud, SimConnectionError, type SimCloud } from "@netloom/sim-cloud";
import { arm, serveArm } from "@netloom/sim-cloud/http";
import { describe, expect, it } from "vitest";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Resource;
}

/** As much of any answer as is looked at. */
interface Resource {
  readonly id: string;
  readonly etag: string;
  readonly status?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly value?: readonly Resource[];
  readonly nextLink?: string;
  readonly properties: {
    readonly vmId?: string;
    readonly addressPrefix?: string;
    readonly hardwareProfile?: { readonly vmSize: string };
    readonly storageProfile?: object;
    readonly networkProfile?: { readonly networkInterfaces: readonly { readonly id: string }[] };
    readonly networkProfileConfiguration?: {
      readonly networkInterfaceConfigurations: readonly {
        readonly name: string;
        readonly properties: Configurations;
      }[];
    };
  } & Partial<Configurations>;
}

interface Configurations {
  readonly ipConfigurations: readonly {
    readonly name: string;
    readonly properties: { readonly privateIPAddress: string };
  }[];
}

type Ask = (path: string, put?: { readonly body: unknown; readonly ifMatch?: string }) => Promise<Answer>;

interface Ids {
  readonly machine: string;
  readonly inSet: string;
  /** Time passes when it is told to. */
  readonly clock: ManualClock;
}

async function withServer(
  test: (ask: Ask, sim: SimCloud, ids: Ids) => Promise<void>,
  options: { readonly interfaces?: number; readonly operationTime?: number } = {},
): Promise<void> {
  const { interfaces = 1, ...rest } = options;
  const clock = new ManualClock();
  const sim = simCloud({ clock, pools: [{ id: "subnet-a", cidrs: ["10.0.0.0/24"] }], ...rest });
  const node = sim.launch({ name: "node1", pool: "subnet-a", interfaces });
  await using server = await serveArm(sim);
  const ask: Ask = async (path, put) => {
    const url = path.startsWith("http") ? path : `${server.url}${path}?api-version=2025-01-01`;
    const response = await fetch(url, {
      method: put === undefined ? "GET" : "PUT",
      headers: {
        authorization: "Bearer token",
        ...(put?.ifMatch === undefined ? {} : { "if-match": put.ifMatch }),
      },
      ...(put === undefined ? {} : { body: JSON.stringify(put.body) }),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Resource };
  };
  await test(ask, sim, {
    machine: arm.node(node).instance,
    inSet: arm.node(node, "scale-set").instance,
    clock,
  });
}

/** The body of a PUT: what was read, with one configuration more. */
function withConfiguration({ properties, ...rest }: Resource, name: string, more: object = {}): object {
  const [primary] = properties.ipConfigurations!;
  const added = { name, properties: { subnet: { id: arm.subnetId("subnet-a") }, ...more } };
  return { ...rest, properties: { ...properties, ipConfigurations: [primary, added] } };
}

async function interfaceOf(ask: Ask, machine: string): Promise<Resource> {
  const { body } = await ask(machine);
  return (await ask(body.properties.networkProfile!.networkInterfaces[0]!.id)).body;
}

describe("Azure's resource manager over HTTP", () => {
  it("shows a machine, its interface and its subnet, in whatever case it is asked", () =>
    withServer(async (ask, _, { machine }) => {
      const shown = await ask(machine.toUpperCase().replace(/I-[0-9A-F]+$/, (name) => name.toLowerCase()));
      expect(shown.body.properties.hardwareProfile).toEqual({ vmSize: "large" });
      const nic = await interfaceOf(ask, machine);
      expect(nic.properties.ipConfigurations!.map(({ name }) => name)).toEqual(["primary"]);
      const subnet = await ask(arm.subnetId("subnet-a"));
      expect(subnet.body.properties.addressPrefix).toBe("10.0.0.0/24");
    }));

  it("replaces configurations as a whole, by an operation that is asked for", () =>
    withServer(async (ask, sim, { machine }) => {
      const nic = await interfaceOf(ask, machine);
      const block = withConfiguration(nic, "pods", { privateIPAddressPrefixLength: 28 });
      const put = await ask(nic.id, { body: block, ifMatch: nic.etag });
      expect(put.status).toBe(200);
      expect((await ask(put.headers.get("azure-asyncoperation")!)).body.status).toBe("Succeeded");
      const after = await interfaceOf(ask, machine);
      expect(after.properties.ipConfigurations![1]!.properties.privateIPAddress).toMatch(/\/28$/);
      await ask(nic.id, {
        body: withConfiguration(after, "one", {
          privateIPAllocationMethod: "Static",
          privateIPAddress: "10.0.0.77",
        }),
      });
      expect(sim.owners().size).toBe(2);
      expect(sim.owners().has("10.0.0.77/32")).toBe(true);
    }));

  it("says 200 while an operation runs, and when it has failed", () =>
    withServer(
      async (ask, sim, { machine, clock }) => {
        const nic = await interfaceOf(ask, machine);
        sim.failNextOperation();
        const put = await ask(nic.id, { body: withConfiguration(nic, "pod") });
        const operation = put.headers.get("azure-asyncoperation")!;
        const running = await ask(operation);
        expect([running.status, running.body.status, running.headers.get("retry-after")]).toEqual([
          200,
          "InProgress",
          "1",
        ]);
        await clock.advance(1000);
        expect((await ask(operation)).body).toMatchObject({
          status: "Failed",
          error: { code: "InternalServerError" },
        });
        expect(sim.owners().size).toBe(1);
      },
      { operationTime: 1000 },
    ));

  it("changes the interfaces of a scale set's machine through the machine, which has no addresses", () =>
    withServer(
      async (ask, sim, { inSet }) => {
        const { body: machine } = await ask(inSet);
        const profile = machine.properties.networkProfileConfiguration!.networkInterfaceConfigurations;
        expect(JSON.stringify(profile)).not.toContain('privateIPAddress"');
        const edited = profile.map((one, index) =>
          index === 1 ? withConfiguration(one as unknown as Resource, "pod") : one,
        );
        const properties = { networkProfileConfiguration: { networkInterfaceConfigurations: edited } };
        const image = { ...properties, storageProfile: machine.properties.storageProfile };
        expect((await ask(inSet, { body: { properties: image } })).body.error?.code).toBe(
          "InvalidRequestFormat",
        );
        expect((await ask(inSet, { body: { properties }, ifMatch: machine.etag })).status).toBe(200);
        const stale = await ask(inSet, { body: { properties }, ifMatch: machine.etag });
        expect([stale.status, stale.body.error?.code]).toEqual([412, "PreconditionFailed"]);
        expect(sim.owners().size).toBe(3);
      },
      { interfaces: 2 },
    ));

  it("lists a machine's interfaces page by page", () =>
    withServer(
      async (ask, sim, { inSet }) => {
        Object.assign(sim.options, { pageSize: 2 });
        const first = await ask(`${inSet}/networkInterfaces`);
        const second = await ask(first.body.nextLink!);
        expect([first.body.value!.length, second.body.value!.length, second.body.nextLink]).toEqual([
          2,
          1,
          undefined,
        ]);
      },
      { interfaces: 3 },
    ));

  it("refuses in Azure's words", () =>
    withServer(async (ask, sim, { machine }) => {
      const nic = await interfaceOf(ask, machine);
      sim.deny("VirtualMachines.Get");
      const two = withConfiguration(nic, "primary");
      const answers = [
        await ask(machine),
        await ask(`${nic.id}x`),
        await ask(nic.id, { body: withConfiguration(nic, "pod"), ifMatch: 'W/"0"' }),
        await ask(nic.id, { body: two }),
        await ask("/subscriptions"),
      ];
      expect(answers.map(({ status, body }) => [status, body.error?.code])).toEqual([
        [403, "AuthorizationFailed"],
        [404, "NetworkInterfaceNotFound"],
        [412, "PreconditionFailed"],
        [400, "InvalidRequestFormat"],
        [404, "InvalidResourceType"],
      ]);
      expect(answers[0]!.body.error?.message).toContain("'Microsoft.Compute/virtualMachines/read'");
    }));

  it("throttles each scale set machine's updates, and says when to come again; not its interface's", () =>
    withServer(async (ask, _, { machine, inSet }) => {
      const nic = await interfaceOf(ask, machine);
      const { networkProfileConfiguration } = (await ask(inSet)).body.properties;
      const body = { properties: { networkProfileConfiguration } };
      const answers: Answer[] = [];
      for (let count = 0; count < 13; count++) answers.push(await ask(inSet, { body }));
      expect((await ask(nic.id, { body: withConfiguration(nic, "pod") })).status).toBe(200);
      const last = answers.at(-1)!;
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(12);
      expect([last.status, last.body.error?.code, last.headers.get("retry-after")]).toEqual([
        429,
        "TooManyRequests",
        "5",
      ]);
    }));

  it("wants a token, and an API version", () =>
    withServer(async (ask, sim, { machine }) => {
      await using server = await serveArm(sim);
      expect((await fetch(`${server.url}${machine}?api-version=1`)).status).toBe(401);
      expect((await ask(`${server.url}${machine}`)).body.error?.code).toBe("MissingApiVersionParameter");
    }));

  it("breaks the connection where an answer is lost", () =>
    withServer(async (ask, sim, { machine }) => {
      sim.hooks = {
        after: () => {
          throw new SimConnectionError("lost");
        },
      };
      await expect(ask(machine)).rejects.toThrow(/fetch failed/);
    }));
});
