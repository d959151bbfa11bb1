const MACHINE = "Microsoft.Compute/virtualMachines";
const SCALE_SET_MACHINE = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines";
const INTERFACE = "Microsoft.Network/networkInterfaces";

/** What an account must be allowed to, by request. */
export const ARM_PERMISSIONS: Readonly<Record<string, string>> = {
  "NetworkInterfaces.CreateOrUpdate": `${INTERFACE}/write`,
  "NetworkInterfaces.Get": `${INTERFACE}/read`,
  "NetworkInterfaces.ListByVirtualMachineScaleSetVM": `${SCALE_SET_MACHINE}/networkInterfaces/read`,
  "Operations.Get": "Microsoft.Network/locations/operations/read",
  "Subnets.Get": "Microsoft.Network/virtualNetworks/subnets/read",
  "VirtualMachineScaleSetVMs.Get": `${SCALE_SET_MACHINE}/read`,
  "VirtualMachineScaleSetVMs.Update": `${SCALE_SET_MACHINE}/write`,
  "VirtualMachines.Get": `${MACHINE}/read`,
};
