/**
 * Plans for cloud subnets.
 *
 * @packageDocumentation
 */
export {};
