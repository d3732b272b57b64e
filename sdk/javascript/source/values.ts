/** The values that cross the interface: plain JavaScript data, and four things JavaScript has no word for. */

import { pathText } from "./diagnostics.ts";
import type { Path } from "./diagnostics.ts";

export const MOST_DEPTH = 64;
/** What stands for a secret that the plugin does not see begins so. */
export const TOKEN_PREFIX = "ksealed-";

/** A value that is known only after apply. There is one, `UNKNOWN`. */
export class Unknown {
  // A member of its own keeps the compiler from taking everything that has a `toString` for one.
  readonly #name = "UNKNOWN";

  toString(): string {
    return this.#name;
  }
}

export const UNKNOWN = new Unknown();
Object.freeze(UNKNOWN);

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** A value that is never shown: printed, logged or written as JSON it is masked. */
export class Secret<T = Value> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** Returns what the plugin was given, usually a token that stands for the value. */
  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return "(secret)";
  }

  toJSON(): string {
    return "(secret)";
  }

  [INSPECT](): string {
    return "Secret(…)";
  }
}

/** A decimal number that is not a whole one, as text, so that nothing is rounded. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** A reference to an attribute of another resource, by the name it was declared with. */
export class Reference {
  readonly resource: string;
  readonly path: Path;

  constructor(resource: string, path: Path = []) {
    this.resource = resource;
    this.path = path;
  }
}

export interface ValueMap {
  [key: string]: Value;
}

/** Anything that crosses the interface. Maps are plain objects; whole numbers are safe integers. */
export type Value =
  null | boolean | number | string | Uint8Array | Value[] | ValueMap | Decimal | Unknown | Secret<Value> | Reference;

/** Says why data cannot cross the interface. */
export class NotAValue extends Error {
  override name = "NotAValue";
}

export function isMap(value: unknown): value is ValueMap {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Returns an entry of a map, and nothing that every object inherits: `constructor` is a key like any other. */
export function own<T>(map: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** Returns a map of entries, where `__proto__` is a key like any other. */
export function mapOf<T>(entries: Iterable<readonly [string, T]>): { [key: string]: T } {
  return Object.fromEntries(entries);
}

/** Orders texts by code points, as the host does. */
export function byCodePoint(left: string, right: string): number {
  const [one, other] = [[...left], [...right]];
  for (let index = 0; index < one.length && index < other.length; index += 1) {
    const difference = (one[index]?.codePointAt(0) ?? 0) - (other[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** Returns the entries of a map in the order of their keys. */
export function sorted<T>(map: { readonly [key: string]: T }): [string, T][] {
  return Object.entries(map).sort(([left], [right]) => byCodePoint(left, right));
}

/** Returns a value without its secret mark. */
export function reveal(value: Value): Value {
  let inner = value;
  while (inner instanceof Secret) inner = inner.reveal();
  return inner;
}

/** Returns a value marked secret, once. */
export function secret(value: Value): Value {
  return value instanceof Secret ? value : new Secret(value);
}

/** Returns the name of a value's kind, as messages say it. */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case "boolean":
      return "boolean";
    case "number":
      return Number.isInteger(value) ? "integer" : "number";
    case "bigint":
      return "integer";
    case "string":
      return "text";
  }
  if (value === null || value === undefined) return "null";
  if (value instanceof Decimal) return "number";
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return "list";
  if (value instanceof Unknown) return "unknown";
  if (value instanceof Secret) return "secret";
  if (value instanceof Reference) return "reference";
  if (isMap(value)) return "map";
  const name = typeof value === "object" ? value.constructor.name : typeof value;
  throw new NotAValue(
    `a ${name} is no value; use null, a boolean, a number, a text, a Uint8Array, an array or a plain object`,
  );
}

/** Tells whether nothing in a value is unknown or a reference. */
export function isWhollyKnown(value: Value): boolean {
  const inner = reveal(value);
  if (Array.isArray(inner)) return inner.every(isWhollyKnown);
  if (isMap(inner)) return Object.values(inner).every(isWhollyKnown);
  return !(inner instanceof Unknown || inner instanceof Reference);
}

/** Tells whether anything in a value is secret. */
export function hasSecret(value: Value): boolean {
  if (Array.isArray(value)) return value.some(hasSecret);
  if (isMap(value)) return Object.values(value).some(hasSecret);
  return value instanceof Secret;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Reads a number: a whole one where it is one that fits, the text itself otherwise. */
export function numberFrom(text: string): number | bigint | Decimal {
  if (!DECIMAL.test(text)) throw new NotAValue(`\`${text}\` is not a decimal number`);
  const near = Number(text);
  if (Number.isSafeInteger(near)) return near === 0 ? 0 : near;
  if (/^-?\d+$/.test(text)) {
    const whole = BigInt(text);
    if (BigInt.asIntN(64, whole) === whole) return whole;
  }
  return new Decimal(text);
}

/** Writes a decimal's digits and its exponent, so that `1.50` and `15e-1` are one number. */
function canonical(text: string): string {
  const [, sign, whole = "", fraction = "", exponent = "0"] = DECIMAL.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return "0";
  return `${sign ?? ""}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

/** Compares two values. `true` is not `1`, and secret marks make no difference. */
export function sameValue(left: Value, right: Value): boolean {
  const [one, other] = [reveal(left), reveal(right)];
  if (kindOf(one) !== kindOf(other)) return false;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => sameValue(item, other[index] as Value));
  }
  if (one instanceof Uint8Array && other instanceof Uint8Array) {
    return one.length === other.length && one.every((byte, index) => byte === other[index]);
  }
  if (isMap(one) && isMap(other)) {
    const keys = Object.keys(one);
    return (
      keys.length === Object.keys(other).length &&
      keys.every((key) => Object.hasOwn(other, key) && sameValue(one[key] as Value, other[key] as Value))
    );
  }
  if (one instanceof Reference && other instanceof Reference) {
    return one.resource === other.resource && pathText(one.path) === pathText(other.path);
  }
  if (one instanceof Decimal || other instanceof Decimal) return canonical(String(one)) === canonical(String(other));
  return one instanceof Unknown || one === other;
}

const UNSAFE = "which JavaScript rounds; give it as a text";

/** Makes a value of what JavaScript code wrote: numbers that are not whole become decimals, what is not given goes. */
export function valueOf(written: unknown): Value {
  switch (typeof written) {
    case "undefined":
      return null;
    case "bigint":
      if (Number.isSafeInteger(Number(written))) return Number(written);
      throw new NotAValue(`${written} is a whole number beyond ${Number.MAX_SAFE_INTEGER}, ${UNSAFE}`);
    case "number": {
      if (Number.isSafeInteger(written)) return written === 0 ? 0 : written;
      if (!Number.isFinite(written)) throw new NotAValue(`${written} is no number that can be told`);
      if (Number.isInteger(written) && Math.abs(written) < 2 ** 63) {
        throw new NotAValue(`${written} is a whole number beyond ${Number.MAX_SAFE_INTEGER}, ${UNSAFE}`);
      }
      return new Decimal(String(written));
    }
  }
  if (written instanceof Secret) return new Secret(valueOf(written.reveal()));
  if (Array.isArray(written)) return written.map(valueOf);
  if (isMap(written)) {
    const given = Object.entries(written).filter(([, item]) => (item as unknown) !== undefined);
    return mapOf(given.map(([key, item]) => [key, valueOf(item)]));
  }
  kindOf(written);
  return written as Value;
}
