import { MAP_FLAG } from "../abi.ts";
import { BpfError } from "../errors.ts";
import { featuresOf } from "../features.ts";
import type { Feature } from "../features.ts";
import { compareSpec, mismatchError } from "../maps/compare.ts";
import { createMapFd } from "../maps/create.ts";
import { ElementIo } from "../maps/element.ts";
import type { MapHandle } from "../maps/handle.ts";
import { readMapInfo } from "../maps/info.ts";
import type { Program } from "../program/program.ts";
import type { DataSpec, MapSpec, ObjectSpec, ProgramSpec } from "../spec/types.ts";
import { Attr, bpf, syscallError, tryBpf } from "../sys/bpf.ts";
import { Fd } from "../sys/fd.ts";
import { linuxSys } from "../sys/linux.ts";
import { Memory } from "../sys/memory.ts";
import type { Sys, SysOption } from "../sys/sys.ts";
import { Collection, closeLoaded } from "./collection.ts";
import { logLines, summarize } from "./log.ts";
import { openModuleBtf } from "./module-btf.ts";
import { Pins } from "./pins.ts";
import type { OnIncompatiblePin } from "./pins.ts";
import { loadProgram } from "./program.ts";
import type { VerifierLog } from "./program.ts";
import { relocate } from "./relocate.ts";
import { select } from "./select.ts";
import type { Selection } from "./select.ts";

export interface LoadOptions extends SysOption {
  /**
   * Load only these programs, what they can tail-call, and the maps those use.
   *
   * @defaultValue every program whose section does not start with `?`, and all maps
   */
  readonly only?: readonly string[];
  /**
   * Directory on a bpf file system for maps marked `LIBBPF_PIN_BY_NAME`: found there they are reused, otherwise
   * pinned there. Required if there are any; false leaves them unpinned.
   */
  readonly pinPath?: string | false;
  /** What to do when a pinned map has another type, size, flags or layout. @defaultValue "error" */
  readonly onIncompatiblePin?: OnIncompatiblePin;
  /** Open maps to use in place of new ones, by name. They stay the caller's. */
  readonly reuse?: Readonly<Record<string, MapHandle>>;
  /** @defaultValue "on-error" */
  readonly verifierLog?: VerifierLog;
  /** First size in bytes of the buffer for the log, which grows as needed. @defaultValue 65536 */
  readonly verifierLogSize?: number;
  /** Checked between programs: one that is being verified cannot be interrupted. */
  readonly signal?: AbortSignal;
}

/**
 * Creates the maps of an object and loads its programs. Verification runs on another thread. If anything fails,
 * everything made so far is closed and no pin has appeared.
 *
 * @throws {@link VerifierError}; {@link BpfError} `ERR_PIN_LAYOUT`, `ERR_UNSUPPORTED`, `ERR_PERMISSION`,
 * `ERR_SYSCALL`; TypeError for names the object does not have; the reason of `signal`.
 */
export async function load(spec: ObjectSpec, options: LoadOptions = {}): Promise<Collection> {
  options.signal?.throwIfAborted();
  const loader = new Loader(spec, options);
  try {
    return await loader.load();
  } catch (error) {
    loader.abandon();
    throw error;
  } finally {
    loader.finish();
  }
}

class Loader {
  readonly #sys: Sys;
  readonly #spec: ObjectSpec;
  readonly #options: LoadOptions;
  readonly #selection: Selection;
  readonly #pins: Pins | undefined;
  readonly #borrowed = new Set<Fd>();
  readonly #maps = new Map<string, Fd>();
  readonly #data = new Map<string, Fd>();
  readonly #programs = new Map<string, Program>();
  readonly #created = new Set<string>();
  readonly #modules = new Map<string, Fd>();
  #btf: Fd | undefined;

  constructor(spec: ObjectSpec, options: LoadOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#sys = options.sys ?? linuxSys();
    this.#selection = select(spec, options.only);
    for (const name of Object.keys(options.reuse ?? {})) {
      if (!spec.maps.has(name)) throw new TypeError(`${spec.name} has no map ${name} to reuse`);
    }
    const pinned = this.#selection.maps.filter((map) => map.pinning === "by-name");
    if (pinned.length > 0 && options.pinPath === undefined) {
      throw new TypeError(`pass pinPath: ${spec.name} pins ${pinned.map((map) => map.name).join(", ")}`);
    }
    if (typeof options.pinPath === "string") {
      this.#pins = new Pins(this.#sys, options.pinPath, options.onIncompatiblePin ?? "error");
    }
  }

  async load(): Promise<Collection> {
    if (this.#spec.loadableBtf !== undefined)
      this.#btf = loadBtf(this.#sys, this.#spec.name, this.#spec.loadableBtf);
    for (const map of this.#selection.maps) this.#maps.set(map.name, this.#openMap(map));
    for (const data of this.#selection.data) this.#data.set(data.name, this.#openData(data));
    for (const map of this.#selection.maps) this.#fillMaps(map);
    for (const program of this.#selection.programs) {
      this.#options.signal?.throwIfAborted();
      this.#programs.set(program.name, await this.#loadProgram(program));
    }
    this.#options.signal?.throwIfAborted();
    for (const map of this.#selection.maps) this.#fillPrograms(map);
    this.#pins?.commit();
    return new Collection(this.#spec, {
      maps: this.#maps,
      data: this.#data,
      programs: this.#programs,
      borrowed: this.#borrowed,
    });
  }

  /** Closes what a failed load made. */
  abandon(): void {
    closeLoaded({ maps: this.#maps, data: this.#data, programs: this.#programs, borrowed: this.#borrowed });
  }

  /** Maps and programs hold on to the BTF themselves. */
  finish(): void {
    this.#btf?.close();
    for (const fd of this.#modules.values()) fd.close();
  }

  #openMap(map: MapSpec): Fd {
    const reused = this.#options.reuse?.[map.name];
    if (reused !== undefined) {
      const mismatch = compareSpec(this.#sys, map, this.#spec.btf, readMapInfo(reused.handle));
      if (mismatch !== undefined) throw mismatchError(mismatch);
      this.#borrowed.add(reused.handle);
      return reused.handle;
    }
    const pins = map.pinning === "by-name" ? this.#pins : undefined;
    const found = pins?.find(normalized(this.#sys, map), this.#spec);
    if (found !== undefined) return found;
    const fd = this.#create(map);
    this.#created.add(map.name);
    pins?.add(map.name, fd);
    return fd;
  }

  #create(map: MapSpec): Fd {
    try {
      return createMapFd(this.#sys, map, this.#btf?.number);
    } catch (error) {
      const feature: Feature = `map:${map.type}`;
      const features = featuresOf(this.#sys);
      if (error instanceof BpfError && error.code === "ERR_SYSCALL" && !features.has(feature)) {
        throw features.missing(feature, `map ${map.name}`, error);
      }
      throw error;
    }
  }

  #openData({ map, kind, contents, type }: DataSpec): Fd {
    const flags = kind === "config" ? MAP_FLAG.RDONLY_PROG : MAP_FLAG.MMAPABLE;
    const size = contents.byteLength;
    const types = type === 0 ? {} : { keyType: 0, valueType: type };
    const array = {
      name: map,
      type: "array",
      keySize: 4,
      valueSize: size,
      maxEntries: 1,
      flags,
      ...types,
    } as const;
    const fd = createMapFd(this.#sys, array, this.#btf?.number);
    try {
      const io = new ElementIo(fd, 4, size);
      new Uint8Array(io.value.buffer).set(contents);
      const result = io.update(0);
      if (result < 0) throw syscallError("BPF_MAP_UPDATE_ELEM", -result, { object: fd.what });
      // The verifier takes values as constants only from a frozen map.
      if (kind === "config") bpf("BPF_MAP_FREEZE", new Attr(this.#sys, 4).u32(0, fd.number), fd.what);
      return fd;
    } catch (error) {
      fd.close();
      throw error;
    }
  }

  async #loadProgram(program: ProgramSpec): Promise<Program> {
    const instructions = relocate(program, {
      sys: this.#sys,
      object: this.#spec.name,
      externs: this.#spec.externs,
      mapFd: (name) => numberOf(this.#maps, name),
      dataFd: (name) => numberOf(this.#data, name),
      moduleBtf: (module) => this.#moduleBtf(module),
    });
    return await loadProgram({
      sys: this.#sys,
      spec: this.#spec,
      program,
      instructions,
      btfFd: this.#btf?.number,
      moduleBtf: [...this.#modules.values()].map((fd) => fd.number),
      verifierLog: this.#options.verifierLog ?? "on-error",
      verifierLogSize: this.#options.verifierLogSize ?? 64 * 1024,
    });
  }

  #moduleBtf(module: string): { index: number; fd: number } {
    let fd = this.#modules.get(module);
    if (fd === undefined) this.#modules.set(module, (fd = openModuleBtf(this.#sys, module)));
    return { index: [...this.#modules.keys()].indexOf(module) + 1, fd: fd.number };
  }

  /** A map of maps found pinned keeps what it holds. */
  #fillMaps(map: MapSpec): void {
    if (!map.type.endsWith("_of_maps") || !this.#created.has(map.name)) return;
    this.#fill(map, (name) => numberOf(this.#maps, name));
  }

  /** A program array found pinned gets the new programs: its old ones use the maps of an earlier load. */
  #fillPrograms(map: MapSpec): void {
    if (map.type === "prog_array") this.#fill(map, (name) => this.#programs.get(name)?.fd ?? -1);
  }

  #fill(map: MapSpec, target: (name: string) => number): void {
    const fd = this.#maps.get(map.name);
    if (fd === undefined || map.initial === undefined) return;
    const io = new ElementIo(fd, map.keySize, 4);
    for (const { index, name } of map.initial) {
      io.key.setUint32(0, index, true);
      io.value.setInt32(0, target(name), true);
      const result = io.update(0);
      if (result < 0)
        throw syscallError("BPF_MAP_UPDATE_ELEM", -result, { object: `slot ${index} of ${fd.what}` });
    }
  }
}

/** As the kernel will report it, so that a pinned map compares equal to itself. */
function normalized(sys: Sys, map: MapSpec): MapSpec {
  if (map.type !== "ringbuf") return map;
  let maxEntries = sys.pageSize;
  while (maxEntries < map.maxEntries) maxEntries *= 2;
  return { ...map, maxEntries };
}

function numberOf(fds: ReadonlyMap<string, Fd>, name: string): number {
  const fd = fds.get(name);
  if (fd === undefined) throw new TypeError(`there is no ${name}`);
  return fd.number;
}

/** BPF_BTF_LOAD. Succeeds silently as a rule; if not, asks again for the reason. */
function loadBtf(sys: Sys, object: string, bytes: Uint8Array): Fd {
  const data = Memory.of(sys, bytes);
  const attempt = (log?: Memory): number => {
    const attr = new Attr(sys, 32).pointer(0, data).u32(16, bytes.byteLength);
    if (log !== undefined) attr.pointer(8, log).u32(20, log.bytes.byteLength).u32(24, 1);
    return tryBpf("BPF_BTF_LOAD", attr);
  };
  const fd = attempt();
  if (fd >= 0) return new Fd(sys, fd, `BTF of ${object}`);
  const log = new Memory(sys, 64 * 1024);
  const again = attempt(log);
  if (again >= 0) return new Fd(sys, again, `BTF of ${object}`);
  const reason = summarize(logLines(log.bytes));
  throw syscallError("BPF_BTF_LOAD", -fd, { object, hint: reason === "" ? undefined : reason });
}
