/** Numbers of a node's devices. */
export const UPLINK_IFINDEX = 2;
export const OVERLAY_IFINDEX = 3;
export const HOST_IFINDEX = 4;
export const FIRST_POD_IFINDEX = 10;
/** The interfaces of a plan are numbered in its order, from here on. */
export const FIRST_INTERFACE_IFINDEX = 1_000_000;
