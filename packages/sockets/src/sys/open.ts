import type { IpFamily } from "../text/ip.ts";
import { domainOf } from "./address.ts";
import { check, libc } from "./libc.ts";
import { inNamespace } from "./namespace.ts";

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x8_0000;

export const ACCEPT_FLAGS: number = SOCK_NONBLOCK | SOCK_CLOEXEC;

/** A socket that never waits, made in a namespace. The descriptor is the caller's. */
export function openSocket(
  op: string,
  kind: "stream" | "datagram",
  family: IpFamily,
  netns: string | undefined,
): number {
  const type = (kind === "stream" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return inNamespace(netns, op, () => check(libc().socket(domainOf(family), type, 0), op));
}
