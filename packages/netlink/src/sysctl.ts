import { readFileSync, writeFileSync } from "node:fs";
import { invalid } from "./errors.ts";
import type { Netns } from "./netns.ts";
import { fileError } from "./sys/thread.ts";

/**
 * Reads a kernel setting as the namespace sees it, without the line end.
 *
 * @param key `net.ipv4.ip_forward`; with slashes where a device name has a dot:
 * `net/ipv4/conf/eth0.7/rp_filter`.
 * @throws {@link NetlinkError} `ERR_NOT_FOUND` when there is no such setting.
 */
export function readSysctl(netns: Netns, key: string): string {
  const op = `read sysctl ${key}`;
  const path = sysctlPath(op, key);
  try {
    return netns.run(() => readFileSync(path, "utf8")).trimEnd();
  } catch (cause) {
    throw fileError(op, cause);
  }
}

/**
 * Writes a kernel setting of a namespace. Settings outside `net` belong to the whole machine.
 *
 * @throws {@link NetlinkError} `ERR_NOT_FOUND`, `ERR_PERMISSION`, or `ERR_INVALID` when the kernel refuses
 * the value.
 */
export function writeSysctl(netns: Netns, key: string, value: string | number): void {
  const op = `write sysctl ${key}=${value}`;
  const path = sysctlPath(op, key);
  try {
    // Not the "w" flag: a setting that does not exist must not turn into an attempt to create a file.
    netns.run(() => {
      writeFileSync(path, `${value}`, { flag: "r+" });
    });
  } catch (cause) {
    throw fileError(op, cause, "root and a writable /proc/sys");
  }
}

/** As sysctl(8) reads keys: the first separator tells which of dot and slash it is. */
function sysctlPath(op: string, key: string): string {
  const parts = key.includes("/") ? key.split("/") : key.split(".");
  const good =
    parts.length > 1 && parts.every((part) => /^[^/\0]+$/.test(part) && part !== "." && part !== "..");
  if (!good) throw invalid(op, key, "the name of a kernel setting, such as net.ipv4.ip_forward");
  return `/proc/sys/${parts.join("/")}`;
}
