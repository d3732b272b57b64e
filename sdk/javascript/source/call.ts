/** What an operation is given, and what it answers with. */

import type { Attributes, AttributesOf, RecordedOf } from "./attributes.ts";
import { Endpoint } from "./cloud.ts";
import type { EndpointOptions, Sender } from "./cloud.ts";
import type { Failure } from "./failure.ts";
import type { Value } from "./values.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** What a plugin can ask of its surroundings: the host, or a scripted cloud in tests. */
export interface Host extends Sender {
  log(level: LogLevel, message: string, fields: Readonly<Record<string, string>>): void;
  /** Returns milliseconds since 1970; a fixed instant in pure calls. */
  now(): number;
  /** Returns at most 1,024 random bytes; always the same in pure calls. */
  random(length: number): Uint8Array;
}

/** An object as the host keeps it. */
export interface StoredObject {
  readonly id: string;
  readonly attributes: Value;
  readonly private: Uint8Array;
  readonly schemaVersion: number;
}

/** What the host says with a call. */
export interface CallDetails {
  readonly host: Host;
  readonly config: Value;
  readonly name: string;
  readonly idempotencyToken?: string;
  readonly planned?: Value;
  readonly prior?: StoredObject | undefined;
  readonly filter?: Value;
}

/** An object as it was last seen. */
export interface Recorded<A extends Attributes> {
  readonly id: string;
  readonly attributes: RecordedOf<A>;
  readonly private: Uint8Array;
}

/** One of many objects that are read at once. */
export interface Reading<A extends Attributes = Attributes> {
  readonly id: string;
  /** The resource's name in the stack. */
  readonly name: string;
  /** The object as it was last seen. */
  readonly prior: Recorded<A> | undefined;
}

/** What an operation is given beside the object's attributes. */
export class Call<A extends Attributes = Attributes> {
  readonly #host: Host;
  /** The plugin's configuration, as data. */
  readonly config: unknown;
  /** The resource's name in the stack. */
  readonly name: string;
  /** Given again when an interrupted operation is finished; empty where nothing is made. */
  readonly idempotencyToken: string;
  /** The object as it was last seen; nothing on create. */
  readonly prior: Recorded<A> | undefined;
  /** Type-specific filters of a list. */
  readonly filter: unknown;

  constructor(host: Host, known: Omit<Call<A>, "endpoint" | "log" | "now" | "random">) {
    this.#host = host;
    this.config = known.config;
    this.name = known.name;
    this.idempotencyToken = known.idempotencyToken;
    this.prior = known.prior;
    this.filter = known.filter;
  }

  /** Returns a client of an endpoint of the manifest. */
  endpoint(id: string, options: EndpointOptions = {}): Endpoint {
    return new Endpoint(this.#host, id, options);
  }

  /** Writes to the host's log. */
  log(level: LogLevel, message: string, fields: Readonly<Record<string, string>> = {}): void {
    this.#host.log(level, message, fields);
  }

  /** Returns milliseconds since 1970. */
  now(): number {
    return this.#host.now();
  }

  /** Returns random bytes of the host. The engine's own `Math.random` has the same numbers in every call. */
  random(length: number): Uint8Array {
    return this.#host.random(length);
  }
}

/** What exists: its identifier, its attributes, and bytes only the plugin reads. */
export interface Answer<A extends Attributes> {
  readonly id: string;
  readonly attributes: AttributesOf<A>;
  readonly private?: Uint8Array;
}

/** A long operation that is under way: the host calls `poll` with the handle. */
export class InProgress {
  /** JSON data; it is kept in the log and holds no secret. */
  readonly handle: unknown;
  /** For a person: `creating 3 of 5`. */
  readonly message: string;
  readonly retryAfterMilliseconds: number;
  readonly id: string | undefined;

  constructor(known: { handle: unknown; message: string; retryAfterMilliseconds?: number; id?: string }) {
    this.handle = known.handle;
    this.message = known.message;
    this.retryAfterMilliseconds = known.retryAfterMilliseconds ?? 1000;
    this.id = known.id;
  }
}

/** Something exists, but it is not what was asked for. */
export class Partial<A extends Attributes = Attributes> {
  readonly object: Answer<A>;
  readonly reason: Failure;

  constructor(object: Answer<A>, reason: Failure) {
    this.object = object;
    this.reason = reason;
  }
}

/** The end of a deletion that was polled. */
export class Deleted {
  readonly deleted = true;
}

export type Outcome<A extends Attributes> = Answer<A> | InProgress | Partial<A>;

/** What became of an operation, with the object as the host keeps it. */
export type Settled = StoredObject | InProgress | Deleted | { readonly object: StoredObject; readonly reason: Failure };
