#!/usr/bin/env node
// Builds a plugin's component: bundles its module with this SDK, and embeds that in an engine.
// @ts-check

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { componentize } from "componentize-qjs";
import { build } from "esbuild";

const USAGE = "usage: konductor-componentize MODULE --output FILE [--wit FOLDER] [--world WORLD]";

/** What a component of each world exports beside `plugin`, and the part of the SDK that makes it.
 * @type {Readonly<Record<string, { guest: string, interfaces: readonly string[] }>>} */
const WORLDS = {
  "provider-plugin": { guest: "guest", interfaces: ["provider", "operations", "module"] },
  "compliance-plugin": { guest: "checks_guest", interfaces: ["compliance"] },
};

/** Returns one module with everything in it but what the host offers.
 * @param {string} module the file whose default export is the plugin
 * @param {{ guest: string, interfaces: readonly string[] }} world what it is built for */
async function bundle(module, world) {
  const guest = fileURLToPath(new URL(`./build/${world.guest}.js`, import.meta.url));
  const interfaces = world.interfaces.map((name) => `${name} = parts.${name}`).join(", ");
  const entry = `
    import plugin from ${JSON.stringify(module)};
    import { exportsOf } from ${JSON.stringify(guest)};
    const parts = exportsOf(plugin);
    export const plugin_ = parts.plugin, ${interfaces};
    export { plugin_ as plugin };`;
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: dirname(module), sourcefile: "component.js" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["konductor:*", "wasi:*"],
    logLevel: "warning",
  });
  return outputFiles[0]?.text ?? "";
}

async function main() {
  const { values, positionals } = parseArgs({
    options: {
      output: { type: "string", short: "o" },
      wit: { type: "string" },
      world: { type: "string", default: "provider-plugin" },
    },
    allowPositionals: true,
  });
  const [module] = positionals;
  if (module === undefined || positionals.length > 1 || values.output === undefined) throw new Error(USAGE);
  const wit = resolve(values.wit ?? fileURLToPath(new URL("./wit", import.meta.url)));
  for (const place of [module, wit]) {
    if (!existsSync(place)) throw new Error(`${place} does not exist; ${USAGE}`);
  }
  const world = WORLDS[values.world];
  if (world === undefined)
    throw new Error(`there is no world ${values.world}; there are ${Object.keys(WORLDS).join(", ")}`);
  const { component } = await componentize({
    witPath: wit,
    world: values.world,
    jsSource: await bundle(resolve(module), world),
    // The host has no asynchronous component calls. WASI is not stubbed: the host's clock and random numbers are
    // fixed in pure calls, and a stub would add a third memory, of which a component may have two.
    sync: true,
    stubWasi: false,
  });
  await mkdir(dirname(resolve(values.output)), { recursive: true });
  await writeFile(values.output, component);
}

try {
  await main();
} catch (error) {
  console.error(`konductor-componentize: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
