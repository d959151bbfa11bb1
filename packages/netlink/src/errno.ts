import { constants } from "node:os";

/** Numbers that Node does not list; the last is internal to the kernel and leaks out of some drivers. */
const UNLISTED: Readonly<Record<string, number>> = {
  ENONET: 64,
  ENOTUNIQ: 76,
  ESHUTDOWN: 108,
  EHOSTDOWN: 112,
  ENOTSUPP: 524,
};

const NAMES: ReadonlyMap<number, string> = byNumber();

/** `EEXIST` for 17; a number nobody has named comes back as `E524`. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

function byNumber(): Map<number, string> {
  const names = new Map<number, string>();
  // First name wins where two share a number (EAGAIN before EWOULDBLOCK, EOPNOTSUPP before ENOTSUP).
  const preferred = ["EAGAIN", "EOPNOTSUPP", "EDEADLK"];
  const all: Readonly<Record<string, number>> = { ...constants.errno, ...UNLISTED };
  for (const name of [...preferred, ...Object.keys(all)]) {
    const number = all[name];
    if (number !== undefined && !names.has(number)) names.set(number, name);
  }
  return names;
}
