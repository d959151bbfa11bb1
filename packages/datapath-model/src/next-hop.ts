/** Where a packet that goes out as it is goes next. */
export interface NextHop {
  readonly ifindex: number;
  readonly address: number;
}
