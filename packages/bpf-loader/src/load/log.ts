import type { Btf } from "../btf/btf.ts";
import { VerifierError } from "../errors.ts";
import type { SourceLine } from "../errors.ts";
import type { ProgramSpec } from "../spec/types.ts";

/** The text the kernel wrote, line by line, without the NUL and blank lines at the end. */
export function logLines(bytes: Uint8Array): string[] {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end)).trimEnd();
  return text === "" ? [] : text.split("\n");
}

/** The verifier ends with statistics; the line before them says what is wrong. */
export function summarize(log: readonly string[]): string {
  const noise = /^(processed \d+ insns|peak_states|verification time|stack depth|insns? \d+|-- |\s*$)/;
  return log.findLast((line) => !noise.test(line)) ?? "";
}

/** `12: (61) r0 = *(u32 *)(r0 +0)`, also with the liveness of registers in front on older kernels. */
const INSTRUCTION = /^(\d+): (?:\(|R\d|frame)/;

/** The C line of the last instruction in the log. */
function sourceOf(program: ProgramSpec, btf: Btf, log: readonly string[]): SourceLine | undefined {
  const last = log.findLast((line) => INSTRUCTION.test(line));
  if (last === undefined) return undefined;
  const position = Number(INSTRUCTION.exec(last)?.[1]);
  const info = program.lineInfo;
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  let found = -1;
  for (let at = 0; at < info.byteLength && view.getUint32(at, true) <= position; at += 16) found = at;
  if (found === -1) return undefined;
  return {
    file: btf.text(view.getUint32(found + 4, true)),
    text: btf.text(view.getUint32(found + 8, true)).trim(),
    line: view.getUint32(found + 12, true) >>> 10,
  };
}

export function verifierError(
  program: ProgramSpec,
  btf: Btf | undefined,
  log: readonly string[],
  errno: number,
): VerifierError {
  const summary = summarize(log);
  const source = btf === undefined ? undefined : sourceOf(program, btf, log);
  const where = source === undefined ? "" : ` (${source.file}:${source.line}: ${source.text})`;
  return new VerifierError(`the kernel rejected program ${program.name}: ${summary}${where}`, {
    op: "BPF_PROG_LOAD",
    errno,
    object: program.name,
    log,
    summary,
    ...(source === undefined ? {} : { source }),
  });
}
