import { closeFd } from "./sys/libc.ts";
import { openSocket } from "./sys/open.ts";
import { md5Key } from "./sys/options.ts";
import { parsePrefix } from "./text/ip.ts";

/** What sockets can do on this machine. */
export interface Features {
  /** TCP-MD5 (RFC 2385): a choice of whoever built the kernel. */
  readonly md5: boolean;
  /** `ttl`, `minimumTtl`, `requireTtl`. */
  readonly ttl: boolean;
  /** `interface`. */
  readonly interface: boolean;
}

let known: Features | undefined;

/** Asks the kernel, once. */
export function features(): Features {
  const linux = process.platform === "linux";
  known ??= { md5: linux && hasMd5(), ttl: linux, interface: linux };
  return known;
}

function hasMd5(): boolean {
  const op = "see whether there is TCP-MD5";
  const fd = openSocket(op, "stream", 4, undefined);
  try {
    md5Key(fd, op, parsePrefix(op, "127.0.0.1"), "key");
    return true;
  } catch {
    return false;
  } finally {
    closeFd(fd);
  }
}
