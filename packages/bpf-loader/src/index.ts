/**
 * eBPF for Node.js on the raw bpf(2) system call: object files, maps, programs, links and ring buffers, without
 * libbpf and without a compiler at install time.
 *
 * @example
 * import { readFile } from "node:fs/promises";
 * import { attachXdp, load, parseObject } from "@netloom/bpf-loader";
 *
 * const spec = parseObject(await readFile("counter.bpf.o"), { name: "counter" });
 * await using counter = await load(spec.with({ config: { sample_rate: 10 } }));
 * using link = attachXdp(counter.program("count"), { dev: "eth0" });
 * console.log(counter.variable("packets").get());
 *
 * @packageDocumentation
 */

export { BPF_ERROR_CODES, BpfError, VerifierError, isBpfError } from "./errors.ts";
export type { BpfErrorCode, BpfErrorOptions, SourceLine, VerifierErrorOptions } from "./errors.ts";

// Object files: no kernel needed.
export { parseObject } from "./spec/object.ts";
export type { ParseOptions } from "./spec/object.ts";
export type {
  DataSpec,
  ExternSpec,
  InitialSlot,
  MapSpec,
  ObjectSpec,
  Pinning,
  ProgramSpec,
  Relocation,
  SpecChanges,
  VariableSpec,
  VariableValue,
} from "./spec/types.ts";
export { Btf } from "./btf/btf.ts";
export { parseBtf } from "./btf/parse.ts";
export { btfCodec } from "./btf/codec.ts";
export { compareLayouts, layoutHash, layoutOf } from "./btf/layout.ts";
export type { LayoutDifference, LayoutText } from "./btf/layout.ts";
export type { BtfType } from "./btf/types.ts";

// Loading.
export { load } from "./load/load.ts";
export type { LoadOptions } from "./load/load.ts";
export { Collection } from "./load/collection.ts";
export { Variable } from "./load/variable.ts";
export type { VariableDef } from "./load/variable.ts";
export type { OnIncompatiblePin } from "./load/pins.ts";
export type { VerifierLog } from "./load/program.ts";

// Maps.
export { defineMap } from "./maps/def.ts";
export type { KeyOf, MapDef, ValueOf } from "./maps/def.ts";
export { BpfMap } from "./maps/map.ts";
export type { IterateOptions, ScanOptions, SetOptions } from "./maps/map.ts";
export { PerCpuMap } from "./maps/percpu.ts";
export { MapOfMaps, ProgArray } from "./maps/containers.ts";
export { MapHandle } from "./maps/handle.ts";
export { MappedArray, mapArray } from "./maps/mapped.ts";
export { createMap } from "./maps/create.ts";
export { openMapById, openPinnedMap } from "./maps/open.ts";
export type { MapInfo } from "./maps/info.ts";
export type { MapMismatch } from "./maps/compare.ts";
export type { AnyMap, MapOf } from "./maps/view.ts";
export * as codecs from "./codec.ts";
export type { Codec } from "./codec.ts";
export { RingBuffer } from "./ringbuf/ring-buffer.ts";
export { RingReader } from "./ringbuf/reader.ts";
export { Subscription } from "./ringbuf/subscription.ts";
export type { ListenOptions, ReaderOptions, RecordDecoder } from "./ringbuf/reader.ts";

// Programs and links.
export { Program, enableStats, openPinnedProgram, openProgramById } from "./program/program.ts";
export type { ProgramInfo, ProgramStats } from "./program/program.ts";
export type { RunOptions, RunResult } from "./program/test-run.ts";
export type { RunContext, SkbContext, XdpContext } from "./program/context.ts";
export { Link, openPinnedLink } from "./link/link.ts";
export type { LinkInfo } from "./link/link.ts";
export { attachTcx, queryTcx } from "./link/tcx.ts";
export type { Anchor, Direction, TcxOptions, TcxQuery } from "./link/tcx.ts";
export { attachXdp } from "./link/xdp.ts";
export type { XdpOptions } from "./link/xdp.ts";
export { attachCgroup } from "./link/cgroup.ts";
export type { CgroupOptions } from "./link/cgroup.ts";
export type { DeviceOptions, NetworkNamespace } from "./link/device.ts";

// The kernel underneath.
export { features } from "./features.ts";
export type { Feature, Features, NamedFeature } from "./features.ts";
export { isBpffs, mountBpffs, unmountBpffs } from "./bpffs.ts";
export { MAP_FLAG, MAP_TYPES, PROGRAM_TYPES } from "./abi.ts";
export type { AttachType, MapType, ProgramType } from "./abi.ts";
export type { PollHandle, Sys, SysOption } from "./sys/sys.ts";
