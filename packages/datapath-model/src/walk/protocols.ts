/** Numbers of protocols on the wire, as far as the datapath knows them. */
export const IpProtocol = { ICMP: 1, TCP: 6, UDP: 17, SCTP: 132 } as const;

/** RFC 792. */
export const IcmpType = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const;

/** RFC 9293 section 3.1. */
export const TcpFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 } as const;

export function isIcmpEcho(type: number): boolean {
  return type === IcmpType.ECHO_REQUEST || type === IcmpType.ECHO_REPLY;
}

/** Errors quote the packet that they are about. */
export function isIcmpError(type: number): boolean {
  return (
    type === IcmpType.UNREACHABLE || type === IcmpType.TIME_EXCEEDED || type === IcmpType.PARAMETER_PROBLEM
  );
}
