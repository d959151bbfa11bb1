/**
 * Netloom IPAM on AWS.
 *
 * @packageDocumentation
 */
export {};
