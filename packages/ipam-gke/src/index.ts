/**
 * Netloom IPAM on Google Cloud.
 *
 * @packageDocumentation
 */
export {};
