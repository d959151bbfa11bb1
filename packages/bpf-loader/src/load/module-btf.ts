import { BpfError, ERRNO } from "../errors.ts";
import { Attr, bpf, tryBpf } from "../sys/bpf.ts";
import { Fd } from "../sys/fd.ts";
import { Memory, textOf } from "../sys/memory.ts";
import type { Sys } from "../sys/sys.ts";

const NAME_SIZE = 64;

/**
 * Finds the BTF object of a kernel module by walking all of them: the kernel has no lookup by name.
 * Needs CAP_SYS_ADMIN.
 *
 * @throws {@link BpfError} `ERR_SYSCALL` if the module is gone.
 */
export function openModuleBtf(sys: Sys, module: string): Fd {
  for (let id = 0; ;) {
    const next = new Attr(sys, 12).u32(0, id);
    if (tryBpf("BPF_BTF_GET_NEXT_ID", next) < 0) break;
    id = next.getU32(4);
    const number = tryBpf("BPF_BTF_GET_FD_BY_ID", new Attr(sys, 16).u32(0, id));
    if (number < 0) continue; // gone since
    const fd = new Fd(sys, number, `BTF of ${module}`);
    if (nameOf(fd) === module) return fd;
    fd.close();
  }
  throw new BpfError("ERR_SYSCALL", `module ${module} was unloaded`, { errno: ERRNO.ENOENT, object: module });
}

function nameOf(fd: Fd): string {
  const { sys } = fd;
  const name = new Memory(sys, NAME_SIZE);
  const info = new Memory(sys, 32);
  info.view.setBigUint64(16, BigInt(name.address), true);
  info.view.setUint32(24, NAME_SIZE, true);
  bpf("BPF_OBJ_GET_INFO_BY_FD", new Attr(sys, 16).u32(0, fd.number).u32(4, 32).pointer(8, info), fd.what);
  return textOf(name.bytes);
}
