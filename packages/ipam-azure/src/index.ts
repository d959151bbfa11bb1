/**
 * Netloom IPAM on Azure.
 *
 * @packageDocumentation
 */
export {};
