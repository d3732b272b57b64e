/** The client of a granted endpoint: JSON in, JSON out, errors as failures. */

import { textOf, utf8 } from "./bytes.ts";
import { Failure, dispositionOf } from "./failure.ts";
import type { Disposition } from "./failure.ts";
import { Decimal, Secret, Unknown, isMap, mapOf } from "./values.ts";
import { parseJson } from "./values_json.ts";

/** An unsigned request. The host decides where the endpoint is and adds what authenticates it. */
export interface Request {
  readonly endpoint: string;
  readonly region?: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  readonly idempotent: boolean;
}

/** An answer. */
export class Response {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;

  constructor(
    status: number,
    headers: readonly (readonly [string, string])[] = [],
    body: Uint8Array = new Uint8Array(),
  ) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** Returns the first header of a name, in any case of letters. */
  header(name: string): string | undefined {
    return this.headers.find(([found]) => found.toLowerCase() === name.toLowerCase())?.[1];
  }

  /** Returns the body as text; empty where it is not UTF-8. */
  text(): string {
    return textOf(this.body) ?? "";
  }

  /** Returns the body's JSON document, nothing where the body is empty. Whole numbers that JavaScript would round are
   * bigints. Throws a `Failure` where the body is not JSON. */
  json(): unknown {
    if (this.body.length === 0) return undefined;
    const text = textOf(this.body);
    try {
      if (text === undefined) throw new SyntaxError("it is not UTF-8");
      return parseJson(text);
    } catch (error) {
      const message = `the answer is not JSON: ${(error as Error).message}`;
      throw new Failure("other", message, { httpStatus: this.status });
    }
  }
}

export type SendErrorKind = "denied" | "no-credentials" | "timeout" | "connection" | "too-large" | "other";

/** Says that no complete answer came. */
export class SendError extends Error {
  override name = "SendError";
  readonly kind: SendErrorKind;

  constructor(kind: SendErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Whatever sends requests: the host, or a scripted cloud in tests. */
export interface Sender {
  send(request: Request): Response;
}

/** Builds a path, each segment percent-encoded, so that a name cannot lead elsewhere. */
export function pathOf(...segments: string[]): string {
  const encoded = segments.map((segment) => {
    if (["", ".", ".."].includes(segment)) {
      throw new Failure("invalid", `\`${segment}\` cannot be a part of a path; give a name`);
    }
    const escape = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
    return encodeURIComponent(segment.toWellFormed()).replaceAll(/[!'()*]/g, escape);
  });
  return `/${encoded.join("/")}`;
}

/** Returns a value as JSON data for a request. A secret's token goes along: the host puts the value in its place. */
export function plain(value: unknown): unknown {
  if (value instanceof Secret) return plain(value.reveal());
  if (value instanceof Unknown) throw new Failure("other", "a value that is not known yet cannot be sent");
  if (value instanceof Decimal || typeof value === "bigint") return Number(String(value));
  if (Array.isArray(value)) return value.map(plain);
  return isMap(value) ? mapOf(Object.entries(value).map(([key, item]) => [key, plain(item)])) : value;
}

export interface SendOptions {
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** JSON data; secrets in it are sent as what they stand for. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whether sending it twice does no harm; GET, HEAD, PUT and DELETE count as such unless it is said. */
  readonly idempotent?: boolean | undefined;
  readonly region?: string | undefined;
}

export interface EndpointOptions {
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Says what an error of this API means; nothing for the common meaning of its status. */
  readonly disposition?: (response: Response) => Disposition | undefined;
}

/** Where the next page is. */
export interface NextPage {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** A client of one endpoint of the manifest. */
export class Endpoint {
  readonly #sender: Sender;
  readonly #id: string;
  readonly #options: EndpointOptions;

  constructor(sender: Sender, id: string, options: EndpointOptions = {}) {
    this.#sender = sender;
    this.#id = id;
    this.#options = options;
  }

  /** Sends JSON and returns the answer. Throws a `Failure` where the status is 400 or more, or no answer came. */
  send(method: string, path: string, options: SendOptions = {}): Response {
    const headers = { accept: "application/json", ...this.#options.headers, ...options.headers };
    const hasBody = options.body !== undefined;
    const request: Request = {
      endpoint: this.#id,
      region: options.region,
      method,
      path,
      query: Object.entries(options.query ?? {}),
      headers: Object.entries(hasBody ? { "content-type": "application/json", ...headers } : headers),
      body: hasBody ? utf8(JSON.stringify(plain(options.body))) : new Uint8Array(),
      idempotent: options.idempotent ?? ["GET", "HEAD", "PUT", "DELETE"].includes(method),
    };
    let response: Response;
    try {
      response = this.#sender.send(request);
    } catch (error) {
      throw error instanceof SendError ? failureOf(error) : error;
    }
    if (response.status >= 400) throw this.#failure(request, response);
    return response;
  }

  /** Gets a JSON document. */
  get(path: string, options: SendOptions = {}): unknown {
    return this.send("GET", path, options).json();
  }

  /** Gets a JSON document, nothing where there is none. */
  find(path: string, options: SendOptions = {}): unknown {
    try {
      return this.get(path, options);
    } catch (error) {
      if (error instanceof Failure && error.disposition === "not-found") return undefined;
      throw error;
    }
  }

  /** Gets one page after another. `following` returns where the next is, nothing after the last. */
  *pages(
    path: string,
    options: SendOptions & { readonly following: (response: Response) => NextPage | undefined },
  ): Generator<unknown, void> {
    const seen = new Set<string>();
    let next: NextPage = { path, query: options.query ?? {} };
    for (;;) {
      const response = this.send("GET", next.path, { ...options, query: next.query });
      yield response.json();
      const found = options.following(response);
      if (found === undefined) return;
      const place = JSON.stringify([found.path, Object.entries(found.query ?? {}).sort()]);
      if (seen.has(place)) throw new Failure("other", `the pages of ${found.path} go round in a circle`);
      seen.add(place);
      next = found;
    }
  }

  #failure(request: Request, response: Response): Failure {
    let told: unknown;
    try {
      told = response.json();
    } catch {
      told = undefined;
    }
    const members: Record<string, unknown> = isMap(told) ? told : {};
    const named = ["message", "error", "reason", "detail", "title"].map((name) => members[name]).find(Boolean);
    const message = typeof named === "string" ? named : response.text().slice(0, 200);
    return new Failure(
      this.#options.disposition?.(response) ?? dispositionOf(response.status),
      `${request.method} ${request.path}: ${response.status} ${message}`.trim(),
      {
        code: ["string", "number"].includes(typeof members["code"]) ? String(members["code"]) : "",
        httpStatus: response.status,
        requestId: response.header("x-request-id"),
      },
    );
  }
}

/** Returns a query parameter of the next page from a `Link` header (RFC 8288): of
 * `<https://host/items?page=2>; rel="next"` the `page` is `2`. */
export function nextLink(response: Response, parameter: string): string | undefined {
  const links = response.header("link")?.matchAll(/<([^>]*)>([^<]*)/g) ?? [];
  const target = [...links].find(([, , rest = ""]) => /;\s*rel\s*=\s*"?next"?\s*(?:[;,]|$)/.test(rest))?.[1];
  const query = target?.split("#")[0]?.split("?")[1] ?? "";
  const found = query.split("&").find((pair) => pair.split("=")[0] === parameter);
  if (found === undefined) return undefined;
  return decodeURIComponent(found.slice(parameter.length + 1).replaceAll("+", " "));
}

function failureOf(error: SendError): Failure {
  const dispositions: Partial<Record<SendErrorKind, Disposition>> = {
    denied: "denied",
    "no-credentials": "denied",
    timeout: "unavailable",
    connection: "unavailable",
  };
  return new Failure(dispositions[error.kind] ?? "other", error.message);
}
