/**
 * Netloom IPAM on AWS: pods have addresses and prefixes of a VPC's subnets, on elastic network interfaces.
 *
 * @packageDocumentation
 */
export { awsEni } from "./aws-eni.ts";
export type { AwsEniOptions } from "./aws-eni.ts";
export { awsEniProvider } from "./provider.ts";
export type { AwsEniProviderOptions, Selection, SubnetSelection } from "./options.ts";
export type { ClientOptions } from "./client.ts";
export { imds } from "./imds.ts";
export type { ImdsOptions, InstanceIdentity } from "./imds.ts";
export { Ec2Error } from "./errors.ts";
export { EC2_THROTTLES } from "./throttles.ts";
