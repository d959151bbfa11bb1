import { fileURLToPath } from "node:url";
import { build } from "tsup";

const OUT = new URL("../out/bgp/", import.meta.url);

/** Where the program of our speaker lies once it is built. */
export const SPEAKER = fileURLToPath(new URL("netloom.js", OUT));

/**
 * Builds the program of our speaker as its packages are published: who installs them runs JavaScript, and what strips types
 * from source takes 40 MB in the process that does it.
 */
export async function buildSpeaker(): Promise<void> {
  await build({
    entry: { netloom: fileURLToPath(new URL("programs/netloom.ts", import.meta.url)) },
    outDir: fileURLToPath(OUT),
    format: "esm",
    target: "node22",
    platform: "node",
    noExternal: [/^@netloom\//],
    esbuildOptions: (options) => {
      options.conditions = ["@netloom/source"];
    },
    removeNodeProtocol: false,
    dts: false,
    silent: true,
    config: false,
  });
}
