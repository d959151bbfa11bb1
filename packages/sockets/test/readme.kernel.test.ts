import { describe, expect, it } from "vitest";
import { runReadme } from "./support/readme.ts";

describe("the README", () => {
  it("shows a program that runs as it stands", () => {
    expect(runReadme(import.meta.url)).toEqual({ stdout: "hello\nnear from 127.0.0.1\n", stderr: "" });
  });
});
