import { describe, expect, it } from "vitest";
import { run } from "../../src/cli/run.ts";

const GOOD = ["--subnet", "subnet-a=10.0.0.0/19,occupied=0.02", "--nodes", "60", "--pods", "30"];

describe("netloom-cloud-plan", () => {
  it("prints what will be met, and what to reserve", async () => {
    const { code, output, error } = await run([...GOOD, "--growth", "pods=0.5,nodes=1"]);
    expect([code, error]).toEqual([0, ""]);
    await expect(output).toMatchFileSnapshot("golden/blocks.txt");
  });

  it("prints a rollout that does not fit, without playing it", async () => {
    const args = ["--subnet", "a=10.0.0.0/24,zone=a", "--subnet", "b=10.0.1.0/24,zone=b"];
    const nodes = ["--nodes", "4,zone=a,type=medium", "--nodes", "9,zone=b,interfaces=4,slots=15"];
    const { code, output } = await run([
      ...args,
      ...nodes,
      "--pods",
      "20",
      "--policy",
      "blocks=false",
      "--no-rollout",
    ]);
    expect(code).toBe(1);
    await expect(output).toMatchFileSnapshot("golden/singles.txt");
  });

  it("prints the whole report as JSON", async () => {
    const { output } = await run([...GOOD, "--json", "--no-rollout"]);
    expect(JSON.parse(output)).toMatchObject({ nodes: 60, pods: 1800, capacity: { fits: true } });
  });

  it("helps", async () => {
    const { code, output } = await run(["--help"]);
    expect(code).toBe(0);
    for (const option of ["--subnet", "--nodes", "--pods", "--throttle", "--json"])
      expect(output).toContain(option);
  });

  const limited = ["--subnet", "a=10.0.0.0/24", "--pods", "3"];
  it.each([
    [["--bogus"], "--bogus"],
    [["--subnet", "a=10.0.0.0/24", "--nodes", "2"], "--pods is missing"],
    [["--nodes", "2", "--pods", "3"], "subnets none"],
    [limited, "nodes none"],
    [[...limited, "--nodes", "two"], "two is no number"],
    [[...limited, "--nodes", "2,type=x1"], "type x1 is not known here"],
    [[...limited, "--nodes", "2,sort=x1"], "there is no sort"],
    [[...limited, "--nodes", "2", "--limits", "interfaces=3"], "write interfaces=N,slots=N"],
    [[...limited, "--nodes", "2", "--shape", "ibm"], "write aws or azure or gcp"],
    [[...limited, "--nodes", "2", "--throttle", "Attach=5,1"], "there is no bucket Attach"],
    [[...limited, "--nodes", "2", "--policy", "blocks=maybe"], "write true or false"],
    [["--subnet", "a=10.0.0.0/33", "--nodes", "2", "--pods", "3"], "write a CIDR"],
    [["--subnet", "10.0.0.0/24", "--nodes", "2", "--pods", "3"], "write ID=CIDR"],
    [["--subnet", "a=10.0.0.0/24,occupied=30", "--nodes", "2", "--pods", "3"], "a fraction, 0 to 1"],
  ])("tells in one line what is wrong with %j", async (args, part) => {
    const { code, output, error } = await run(args);
    expect([code, output]).toEqual([2, ""]);
    expect(error).toMatch(/^netloom-cloud-plan: [^\n]+\n$/);
    expect(error).toContain(part);
  });
});
