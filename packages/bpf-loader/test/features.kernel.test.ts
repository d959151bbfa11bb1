import { describe, expect, it } from "vitest";
import { features } from "@netloom/bpf-loader";
import type { Feature } from "@netloom/bpf-loader";
import { openDescriptors, privileged } from "./fixtures.ts";

describe.skipIf(!privileged)("features", () => {
  it("are found by trying", () => {
    const present: Feature[] = [
      "bpf",
      "btf",
      "core",
      "ringbuf",
      "batch",
      "cgroup-link",
      "map:hash",
      "map:lpm_trie",
      "map:hash_of_maps",
      "program:sched_cls",
      "program:syscall",
      "program:cgroup_sock_addr",
      "helper:1",
      "helper:155",
      "kfunc:bpf_rcu_read_lock",
    ];
    expect(present.filter((feature) => !features.has(feature))).toEqual([]);
    const absent: Feature[] = ["kfunc:netloom_missing_kfunc", "helper:99999"];
    expect(absent.filter((feature) => features.has(feature))).toEqual([]);
  });

  it("are tried once, and leave nothing open", () => {
    features.has("helper:2");
    const before = openDescriptors();
    expect(features.has("helper:3")).toBe(true);
    expect(features.has("map:percpu_hash")).toBe(true);
    expect(openDescriptors()).toBe(before);
    const start = performance.now();
    for (let round = 0; round < 1000; round++) features.has("helper:3");
    expect(performance.now() - start).toBeLessThan(50);
  });

  it("are required by name, with the kernel that brought them", () => {
    expect(features.minimum("tcx")).toBe("6.6");
    expect(() => features.require("helper:99999", "program x")).toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED", feature: "helper:99999", object: "program x" }),
    );
    expect(() => features.has("nonsense" as Feature)).toThrow(TypeError);
    expect(() => features.has("map:nonsense" as Feature)).toThrow(TypeError);
  });
});
