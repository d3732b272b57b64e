/** What a person should read, tied to a place in the inputs. */

/** A name of an attribute or a key, or a position in a list. */
export type Step = string | number;
export type Path = readonly Step[];

const PLAIN = /^[\p{L}\p{N}_\-/:$@]+$/u;

/** Writes a path as people do: `rules[0].port`. */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (PLAIN.test(step)) text += text === "" ? step : `.${step}`;
    else text += `["${step.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"]`;
  }
  return text;
}

const STEP = /\[(\d+)\]|\["((?:\\.|[^"\\])*)"\]|\.?([^.[\]]+)/gu;

/** Reads a path as `pathText` writes it. */
export function pathFrom(text: string): Path {
  return [...text.matchAll(STEP)].map(([, index, quoted, plain = ""]) =>
    index === undefined ? (quoted?.replaceAll(/\\(.)/gu, "$1") ?? plain) : Number(index),
  );
}

/** One finding: what is wrong, what was expected (`detail`), and what to do (`help`). */
export interface Diagnostic {
  readonly summary: string;
  readonly detail?: string | undefined;
  readonly help?: string | undefined;
  readonly at?: Path | undefined;
  /** An error where it is not said. */
  readonly severity?: "error" | "warning" | "info" | undefined;
}

/** Returns what was expected and what to do, as the interface carries it. */
export function fullDetail(diagnostic: Diagnostic): string {
  return [diagnostic.detail, diagnostic.help].filter(Boolean).join("; ");
}
