/** What the exports of every plugin answer with where something is wrong. */

import { fullDetail } from "./diagnostics.ts";
import type { Diagnostic, Path } from "./diagnostics.ts";
import { failureOf } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { pathOut } from "./nodes.ts";
import type { PathStep } from "./nodes.ts";

interface WitDiagnostic {
  readonly severity: string;
  readonly summary: string;
  readonly detail: string;
  readonly at: PathStep[] | null;
}

function pathOrNull(path: Path | undefined): PathStep[] | null {
  return path === undefined || path.length === 0 ? null : pathOut(path);
}

/** Returns diagnostics as the interface has them. */
export function diagnosticsOut(found: readonly Diagnostic[]): WitDiagnostic[] {
  return found.map((one) => ({
    severity: one.severity ?? "error",
    summary: one.summary,
    detail: fullDetail(one),
    at: pathOrNull(one.at),
  }));
}

/** Returns a failure as the interface has it. */
export function errorOut(failure: Failure): { tag: string; val: unknown } {
  if (failure.disposition === "invalid") {
    const found = failure.diagnostics.length > 0 ? failure.diagnostics : [{ summary: failure.message, at: failure.at }];
    return { tag: "invalid", val: diagnosticsOut(found) };
  }
  return {
    tag: failure.disposition,
    val: {
      code: failure.code,
      message: failure.message,
      httpStatus: failure.httpStatus ?? null,
      requestId: failure.requestId ?? null,
      at: pathOrNull(failure.at),
      details: Object.entries(failure.details),
    },
  };
}

/** Turns what is thrown into the interface's error. */
export function answering<T extends unknown[], R>(call: (...given: T) => R): (...given: T) => R {
  return (...given) => {
    try {
      return call(...given);
    } catch (error) {
      throw errorOut(failureOf(error));
    }
  };
}
