import { accessSync, constants } from "node:fs";
import { join } from "node:path";

const PLACES = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/lib/frr"];

/** Where a program is; undefined where it is not installed. */
export function pathOf(program: string): string | undefined {
  return PLACES.map((place) => join(place, program)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** For `describe.skipIf(!isInstalled(…))`: says loudly what is skipped. */
export function isInstalled(program: string): boolean {
  const path = pathOf(program);
  if (path === undefined) console.warn(`SKIPPED: tests with ${program}, because it is not installed`);
  return path !== undefined;
}
