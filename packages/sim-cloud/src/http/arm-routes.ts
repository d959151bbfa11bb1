import type { ArmOperation } from "../arm/api.ts";
import type { ArmRestApi } from "../arm/rest-api.ts";
import { OPERATIONS } from "./arm-ids.ts";
import { interfaceJson, machineJson, scaleSetMachineJson, subnetJson } from "./arm-json.ts";
import { interfaceChange, machineChange } from "./arm-wishes.ts";
import type { SimCloud } from "../cloud/sim-cloud.ts";

/** What came in: `names` are those in the path, in its order. */
export interface ArmRequest {
  readonly names: readonly string[];
  readonly api: ArmRestApi;
  readonly sim: SimCloud;
  /** Where clients find this API. */
  readonly url: string;
  readonly path: string;
  readonly skipToken: string | undefined;
  readonly ifMatch: string | undefined;
  readonly body: unknown;
}

export interface ArmAnswer {
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ArmRoute {
  readonly method: "GET" | "PUT";
  readonly path: RegExp;
  readonly answer: (request: ArmRequest) => Promise<ArmAnswer>;
}

const NAME = "([^/]+)";
const MACHINE = `/Microsoft.Compute/virtualMachines/${NAME}`;
const SCALE_SET_MACHINE = `/Microsoft.Compute/virtualMachineScaleSets/sim/virtualMachines/${NAME}`;
const INTERFACE = `/Microsoft.Network/networkInterfaces/${NAME}`;

/** Every request of which it knows the answer. Paths of resources are alike whatever their case. */
export const ARM_ROUTES: readonly ArmRoute[] = [
  {
    method: "GET",
    path: pathOf(MACHINE),
    answer: async ({ api, names }) => ({
      body: machineJson(await api.getMachine(names[0]!), "standalone"),
    }),
  },
  {
    method: "GET",
    path: pathOf(SCALE_SET_MACHINE),
    answer: async ({ api, names }) => ({
      body: scaleSetMachineJson(await api.getScaleSetMachine(names[0]!)),
    }),
  },
  {
    method: "PUT",
    path: pathOf(SCALE_SET_MACHINE),
    answer: async (request) => {
      const [instance] = request.names;
      const { api, sim, body, ifMatch } = request;
      const { id } = await api.changeMachine(instance!, (one) => machineChange(body)(one), ifMatch);
      const after = { instance: sim.world.instance(instance!), interfaces: sim.world.attachedTo(instance!) };
      return accepted(request, id, scaleSetMachineJson(after, "Updating"));
    },
  },
  {
    method: "GET",
    path: pathOf(`${SCALE_SET_MACHINE}/networkInterfaces`),
    answer: async ({ api, names, skipToken, url, path }) => {
      const { items, nextToken } = await api.listScaleSetInterfaces(
        names[0]!,
        skipToken === undefined ? {} : { nextToken: skipToken },
      );
      const next = `${url}${path}?api-version=sim&$skiptoken=${nextToken}`;
      return {
        body: {
          value: items.map((one) => interfaceJson(one, "scale-set")),
          ...(nextToken === undefined ? {} : { nextLink: next }),
        },
      };
    },
  },
  {
    method: "GET",
    path: pathOf(INTERFACE),
    answer: async ({ api, names }) => ({
      body: interfaceJson(await api.getInterface(names[0]!), "standalone"),
    }),
  },
  {
    method: "PUT",
    path: pathOf(INTERFACE),
    answer: async (request) => {
      const { api, sim, names, body, ifMatch } = request;
      const { id } = await api.changeInterface(names[0]!, interfaceChange(body), ifMatch);
      const after = interfaceJson(sim.world.interface(names[0]!), "standalone", "Updating");
      return accepted(request, id, after);
    },
  },
  {
    method: "GET",
    path: pathOf(`/Microsoft.Network/virtualNetworks/sim/subnets/${NAME}`),
    answer: async ({ api, names }) => ({ body: subnetJson(await api.getSubnet(names[0]!)) }),
  },
  {
    method: "GET",
    path: new RegExp(`^${OPERATIONS}/${NAME}$`, "i"),
    answer: async ({ api, names }) => operationAnswer(await api.getOperation(names[0]!)),
  },
];

function pathOf(resource: string): RegExp {
  return new RegExp(`^/subscriptions/[^/]+/resourceGroups/sim/providers${resource}$`, "i");
}

/** It has begun: how it ends is to be asked for. */
function accepted({ url }: ArmRequest, id: string, body: object): ArmAnswer {
  return { body, headers: { "azure-asyncoperation": `${url}${OPERATIONS}/${id}?api-version=sim` } };
}

/** 200 in every case: it is the body that says how the operation fares. */
function operationAnswer({ status, error }: ArmOperation): ArmAnswer {
  switch (status) {
    case "running":
      return { body: { status: "InProgress" }, headers: { "retry-after": "1" } };
    case "succeeded":
      return { body: { status: "Succeeded" } };
    case "failed":
      return {
        body: { status: "Failed", error: { code: wireCode(error!.code), message: error!.message } },
      };
  }
}

/** Azure has no word of its own for a subnet without whole blocks. */
export function wireCode(code: string): string {
  return code === "SubnetHasNoFreeBlock" ? "SubnetIsFull" : code;
}
