import { btfCodec } from "../btf/codec.ts";
import type { Codec } from "../codec.ts";
import type { MapDef } from "../maps/def.ts";
import { openRawView, openView } from "../maps/view.ts";
import type { AnyMap, MapOf } from "../maps/view.ts";
import type { Program } from "../program/program.ts";
import { findVariable } from "../spec/spec.ts";
import type { ObjectSpec } from "../spec/types.ts";
import type { Fd } from "../sys/fd.ts";
import { closedError } from "../sys/fd.ts";
import { Mapping } from "../sys/mapping.ts";
import { Variable } from "./variable.ts";
import type { VariableDef } from "./variable.ts";

/** What {@link load} made; the collection owns it. */
export interface Loaded {
  readonly maps: Map<string, Fd>;
  /** Maps behind data sections, by section. */
  readonly data: Map<string, Fd>;
  readonly programs: Map<string, Program>;
  /** Maps that came from the caller and stay the caller's. */
  readonly borrowed: ReadonlySet<Fd>;
}

/**
 * The maps and programs of a loaded object. Closing it closes every descriptor: what is pinned, linked or used by
 * a program that is linked lives on in the kernel, the rest is gone.
 */
export class Collection implements Disposable, AsyncDisposable {
  readonly spec: ObjectSpec;
  readonly #loaded: Loaded;
  readonly #views = new Map<MapDef | string, unknown>();
  /** Data sections in memory, once something looks at a variable of theirs. */
  readonly #sections = new Map<string, Mapping>();
  #closed = false;

  /** @internal */
  constructor(spec: ObjectSpec, loaded: Loaded) {
    this.spec = spec;
    this.#loaded = loaded;
    for (const program of loaded.programs.values()) program.keep = this;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Names of the maps that were created or found. */
  get mapNames(): readonly string[] {
    return [...this.#loaded.maps.keys()];
  }

  /** Names of the programs that were loaded. */
  get programNames(): readonly string[] {
    return [...this.#loaded.programs.keys()];
  }

  /**
   * A map, typed by its definition, or by name with bytes for keys and values. Views of one map share a
   * descriptor; asking again for the same one costs nothing.
   *
   * @throws TypeError for a map the collection does not have; {@link BpfError} `ERR_PIN_LAYOUT` if the definition
   * does not fit the object; `ERR_CLOSED`.
   */
  map<D extends MapDef>(def: D): MapOf<D>;
  map(name: string): AnyMap;
  map(which: MapDef | string): unknown {
    const fd = this.#mapFd(typeof which === "string" ? which : which.name);
    let view = this.#views.get(which);
    if (view === undefined) {
      view = typeof which === "string" ? openRawView(fd) : openView(fd, which);
      this.#views.set(which, view);
    }
    return view;
  }

  /** @throws TypeError for a program that was not loaded; {@link BpfError} `ERR_CLOSED`. */
  program(name: string): Program {
    this.#check();
    const program = this.#loaded.programs.get(name);
    if (program === undefined)
      throw new TypeError(`${this.spec.name} has no program ${name}, or it was not loaded`);
    return program;
  }

  /**
   * A live global of `.data` or `.bss`: by a definition of `bpf2ts`, or by name and codec.
   *
   * @param codec - how to read it. @defaultValue after its BTF type, see {@link btfCodec}
   * @throws TypeError for a variable the object does not have, or one that is config.
   */
  variable<T>(def: VariableDef<T>): Variable<T>;
  variable<T = unknown>(name: string, codec?: Codec<T>): Variable<T>;
  variable<T>(which: string | VariableDef<T>, given?: Codec<T>): Variable<T> {
    const [name, codec] = typeof which === "string" ? [which, given] : [which.name, which.codec];
    this.#check();
    const spec = findVariable(this.spec, name);
    const data = this.spec.data.get(spec.section);
    const fd = this.#loaded.data.get(spec.section);
    if (data?.kind !== "vars")
      throw new TypeError(`${name} is config: set it with spec.with({ config }) before loading`);
    if (fd === undefined) throw new TypeError(`nothing that was loaded uses ${name}`);
    const actual = codec ?? (btfCodec(this.#btf(name), spec.type) as Codec<T>);
    if (actual.size !== spec.size)
      throw new TypeError(`${name} has ${spec.size} bytes, the codec ${actual.size}`);
    let section = this.#sections.get(spec.section);
    if (section === undefined) {
      section = new Mapping(fd, 0, data.contents.byteLength, true);
      this.#sections.set(spec.section, section);
    }
    return new Variable(name, section, actual, spec.offset);
  }

  /** Takes a map out: `close` leaves it open, and closing it is the caller's business. */
  detach<D extends MapDef>(def: D): MapOf<D>;
  detach(name: string): AnyMap;
  detach(which: MapDef | string): unknown {
    const view = typeof which === "string" ? this.map(which) : this.map(which);
    this.#loaded.maps.delete(typeof which === "string" ? which : which.name);
    return view;
  }

  /** Closes all maps, programs and variables. Twice is fine. */
  close(): void {
    this.#closed = true;
    for (const section of this.#sections.values()) section.close();
    this.#views.clear();
    closeLoaded(this.#loaded);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #mapFd(name: string): Fd {
    this.#check();
    const fd = this.#loaded.maps.get(name);
    if (fd === undefined)
      throw new TypeError(`${this.spec.name} has no map ${name}, or nothing that was loaded uses it`);
    return fd;
  }

  #btf(name: string): NonNullable<ObjectSpec["btf"]> {
    if (this.spec.btf === undefined)
      throw new TypeError(`${this.spec.name} has no BTF: pass a codec for ${name}`);
    return this.spec.btf;
  }

  #check(): void {
    if (this.#closed) throw closedError(`the collection of ${this.spec.name}`);
  }
}

export function closeLoaded({ maps, data, programs, borrowed }: Loaded): void {
  for (const program of programs.values()) program.close();
  for (const fd of [...maps.values(), ...data.values()]) if (!borrowed.has(fd)) fd.close();
}
