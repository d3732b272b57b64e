/** The exports of checks inside the sandbox. `konductor-componentize` writes the module that calls `exportsOf`. */

import type { Checks } from "./checks.ts";
import { answering } from "./guest_answers.ts";

/** Returns what the component exports. */
export function exportsOf(checks: Checks): { plugin: object; compliance: object } {
  return {
    plugin: {
      describe: () => JSON.stringify(checks.manifest()),
    },
    compliance: {
      frameworks: () => "[]",
      controlsFor: () => "[]",
      evaluate: answering((request: string) => checks.evaluate(request)),
    },
  };
}
