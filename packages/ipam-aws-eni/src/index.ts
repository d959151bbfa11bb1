/**
 * Netloom IPAM on AWS: pods have addresses and prefixes of a VPC's subnets, on elastic network interfaces.
 *
 * @packageDocumentation
 */
export { awsEniProvider } from "./provider.ts";
export type { AwsEniProviderOptions, Selection, SubnetSelection } from "./options.ts";
export type { ClientOptions } from "./client.ts";
export { Ec2Error } from "./errors.ts";
export { EC2_THROTTLES } from "./throttles.ts";
