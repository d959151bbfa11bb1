/** Requests that this provider makes, as {@link CloudCall.admit} and throttles name them. */
export type AzureAction =
  | "NetworkInterfaces.CreateOrUpdate"
  | "NetworkInterfaces.Get"
  | "NetworkInterfaces.ListByVirtualMachineScaleSetVM"
  | "Operations.Get"
  | "Subnets.Get"
  | "VirtualMachineScaleSetVMs.Get"
  | "VirtualMachineScaleSetVMs.Update"
  | "VirtualMachines.Get";

const SCALE_SET_MACHINE = "/Microsoft\\.Compute/virtualMachineScaleSets/[^/]+/virtualMachines/[^/]+";

const ACTIONS: readonly (readonly [method: string, path: RegExp, action: AzureAction])[] = [
  [
    "GET",
    new RegExp(`${SCALE_SET_MACHINE}/networkInterfaces$`, "i"),
    "NetworkInterfaces.ListByVirtualMachineScaleSetVM",
  ],
  ["GET", new RegExp(`${SCALE_SET_MACHINE}$`, "i"), "VirtualMachineScaleSetVMs.Get"],
  ["PUT", new RegExp(`${SCALE_SET_MACHINE}$`, "i"), "VirtualMachineScaleSetVMs.Update"],
  ["GET", /\/Microsoft\.Compute\/virtualMachines\/[^/]+$/i, "VirtualMachines.Get"],
  ["GET", /\/Microsoft\.Network\/networkInterfaces\/[^/]+$/i, "NetworkInterfaces.Get"],
  ["PUT", /\/Microsoft\.Network\/networkInterfaces\/[^/]+$/i, "NetworkInterfaces.CreateOrUpdate"],
  ["GET", /\/subnets\/[^/]+$/i, "Subnets.Get"],
];

/** What a request is called. What it is not known for is a question for an operation: where to ask, Azure tells. */
export function actionOf(method: string, url: string): AzureAction {
  const { pathname } = new URL(url);
  return ACTIONS.find(([verb, path]) => verb === method && path.test(pathname))?.[2] ?? "Operations.Get";
}
