import { describe, expect, it } from "vitest";
import { runReadme } from "../../sockets/test/support/readme.ts";

describe("the README", () => {
  it("shows a program that runs as it stands", () => {
    const { stdout, stderr } = runReadme(import.meta.url);
    const said = "down neighbour-signaled-down\nthe neighbour is admin-down\n";
    expect({ stdout: stdout.replace("init none\n", ""), stderr }).toEqual({
      stdout: `up none\n${said}`,
      stderr: "",
    });
  });
});
