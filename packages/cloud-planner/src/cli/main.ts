#!/usr/bin/env node
import { run } from "./run.ts";

const { code, output, error } = await run(process.argv.slice(2));
process.stdout.write(output);
process.stderr.write(error);
process.exitCode = code;
