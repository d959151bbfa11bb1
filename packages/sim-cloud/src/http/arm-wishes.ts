import { parseCidr, type Family } from "@netloom/core";
import type { Change } from "../arm/rest-api.ts";
import type { SimInterface } from "../cloud/records.ts";
import { Refusal } from "../cloud/refusal.ts";
import type { Wish } from "../cloud/world.ts";
import { subnetId } from "./arm-ids.ts";
import { configurationName } from "./arm-json.ts";

interface Configuration {
  readonly name?: string;
  readonly properties?: {
    readonly primary?: boolean;
    readonly privateIPAddressVersion?: string;
    readonly privateIPAddress?: string;
    readonly privateIPAddressPrefixLength?: number;
    readonly privateIPAllocationMethod?: string;
    readonly subnet?: { readonly id?: string };
  };
}

interface Configurations {
  readonly name?: string;
  readonly properties?: { readonly ipConfigurations?: readonly Configuration[] };
}

/** What the body of a PUT of an interface asks for. */
export function interfaceChange(body: unknown): Change {
  return (one) => wishesOf(one, body as Configurations);
}

/** What the body of a PUT of a scale set's machine asks for, where addresses cannot be chosen. */
export function machineChange(body: unknown): Change {
  const { properties } = body as {
    readonly properties?: {
      readonly storageProfile?: { readonly imageReference?: unknown };
      readonly networkProfileConfiguration?: {
        readonly networkInterfaceConfigurations?: readonly Configurations[];
      };
    };
  };
  if (properties?.storageProfile?.imageReference != null)
    throw new Refusal("invalid", "imageReference", "the image of an instance cannot be changed");
  const all = properties?.networkProfileConfiguration?.networkInterfaceConfigurations ?? [];
  return (one) => {
    const mentioned = all.find(({ name }) => name === one.id);
    if (mentioned === undefined) throw new Refusal("invalid", one.id, `${one.id} cannot be taken away`);
    return wishesOf(one, mentioned);
  };
}

function wishesOf(one: SimInterface, { properties }: Configurations): readonly Wish[] {
  const configurations = properties?.ipConfigurations ?? [];
  const known = new Map(one.addresses.map((address) => [configurationName(address), address]));
  const names = configurations.map(({ name }) => name);
  if (new Set(names).size !== names.length)
    throw new Refusal("invalid", one.id, "two configurations have one name");
  if (configurations.filter((configuration) => configuration.properties?.primary === true).length !== 1)
    throw new Refusal("invalid", one.id, "one configuration must be the primary one");
  return configurations.flatMap((configuration): readonly Wish[] => {
    const { name, properties: wanted } = configuration;
    if (name === undefined || wanted?.subnet?.id?.toLowerCase() !== subnetId(one.pool).toLowerCase())
      throw new Refusal("invalid", one.id, "a configuration has a name, and the subnet of the others");
    const address = known.get(name);
    if (address?.role === "primary") return [];
    if (address === undefined) return [newWish(name, wanted)];
    const { family, prefix } = parseCidr(address.cidr);
    return [
      {
        cidr: address.cidr,
        family,
        prefix,
        ...(address.name === undefined ? {} : { name: address.name }),
      },
    ];
  });
}

function newWish(name: string, wanted: NonNullable<Configuration["properties"]>): Wish {
  const family: Family = wanted.privateIPAddressVersion === "IPv6" ? 6 : 4;
  const prefix = wanted.privateIPAddressPrefixLength ?? (family === 4 ? 32 : 128);
  const { privateIPAddress: address, privateIPAllocationMethod: method } = wanted;
  if (method !== "Static" || address === undefined) return { name, family, prefix };
  return { name, family, prefix, cidr: `${address.split("/")[0]}/${prefix}` };
}
