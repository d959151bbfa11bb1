/** Addresses of a block, `/28`. */
export const BLOCK_SIZE = 16;

/** What clouds keep of each subnet for themselves: the first four addresses, and the last. */
export const RESERVED_ADDRESSES = 5;
