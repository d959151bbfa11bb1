/** RFC 1997. */
export const NO_EXPORT = 0xffffff01;
export const NO_ADVERTISE = 0xffffff02;
export const NO_EXPORT_SUBCONFED = 0xffffff03;
/** RFC 9494 section 4.6. */
export const LLGR_STALE = 0xffff0006;
export const NO_LLGR = 0xffff0007;
