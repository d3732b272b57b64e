/** Why an operation failed, by what the host should do about it. */

import type { Diagnostic, Path } from "./diagnostics.ts";
import { NotAValue } from "./values.ts";

export type Disposition =
  | "not-found"
  | "already-exists"
  | "conflict"
  | "throttled"
  | "denied"
  | "invalid"
  | "quota"
  | "unavailable"
  | "unsupported"
  | "other";

/** What is known of a failure beside its message. */
export interface FailureDetails {
  /** The API's own code. */
  readonly code?: string | undefined;
  readonly httpStatus?: number | undefined;
  /** The API's identifier of the request, for a support case. */
  readonly requestId?: string | undefined;
  readonly at?: Path | undefined;
  readonly details?: Readonly<Record<string, string>> | undefined;
  /** What is wrong with the inputs, for the disposition `invalid`. */
  readonly diagnostics?: readonly Diagnostic[] | undefined;
}

/** Ends an operation. `disposition` says what the host should do about it. */
export class Failure extends Error implements FailureDetails {
  override name = "Failure";
  readonly disposition: Disposition;
  readonly code: string;
  readonly httpStatus: number | undefined;
  readonly requestId: string | undefined;
  readonly at: Path | undefined;
  readonly details: Readonly<Record<string, string>>;
  readonly diagnostics: readonly Diagnostic[];

  constructor(disposition: Disposition, message: string, known: FailureDetails = {}) {
    super(message);
    this.disposition = disposition;
    this.code = known.code ?? "";
    this.httpStatus = known.httpStatus;
    this.requestId = known.requestId;
    this.at = known.at;
    this.details = known.details ?? {};
    this.diagnostics = known.diagnostics ?? [];
  }
}

/** Returns what an HTTP status means where an API gives it its common meaning. */
export function dispositionOf(status: number): Disposition {
  switch (status) {
    case 404:
    case 410:
      return "not-found";
    case 401:
    case 403:
    case 407:
      return "denied";
    case 409:
    case 412:
    case 423:
    case 425:
      return "conflict";
    case 429:
      return "throttled";
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
      return "unavailable";
    case 402:
    case 507:
      return "quota";
    case 405:
    case 501:
      return "unsupported";
  }
  return status >= 400 && status < 500 ? "invalid" : "other";
}

/** Makes a failure of whatever was thrown: a mistake in the plugin ends one call, with its place, not the run. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof NotAValue) return new Failure("other", error.message);
  const { name = "Error", message = String(error), stack = "" } = error as Error;
  return new Failure("other", `a mistake in the plugin: ${name}: ${message}`, { details: { stack } });
}
