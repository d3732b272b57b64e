/** Whether two values mean the same by the schema, and keeping the spelling of one where they do. */

import { sameText } from "./format.ts";
import type { AttributeSchema, AttributeSchemas, ResourceSchema } from "./schema.ts";
import {
  Secret,
  Unknown,
  byCodePoint,
  hasSecret,
  isMap,
  isWhollyKnown,
  mapOf,
  own,
  reveal,
  sameValue,
  secret,
  sorted,
} from "./values.ts";
import type { Value, ValueMap } from "./values.ts";
import { parseJson, valueOfJson } from "./values_json.ts";

/** Tells whether a value is null, an empty list, or a map of such. */
export function isEmpty(value: Value | undefined): boolean {
  const inner = reveal(value ?? null);
  if (isMap(inner)) return Object.values(inner).every(isEmpty);
  return inner === null || (Array.isArray(inner) && inner.length === 0);
}

/** Returns every key of two maps with the value in each: those of the left first, each in order. */
export function eachKey(left: ValueMap, right: ValueMap): [string, Value, Value][] {
  const added = Object.keys(right).filter((key) => !Object.hasOwn(left, key));
  const keys = [...Object.keys(left).sort(byCodePoint), ...added.sort(byCodePoint)];
  return keys.map((key) => [key, own(left, key) ?? null, own(right, key) ?? null]);
}

/** Returns a JSON document given as text or as data, in an array; nothing where it is not JSON or not known. */
export function document(value: Value): [Value] | undefined {
  const inner = reveal(value);
  if (typeof inner !== "string") return isWhollyKnown(inner) ? [inner] : undefined;
  try {
    return [valueOfJson(parseJson(inner))];
  } catch {
    return undefined;
  }
}

/** Tells whether two values mean the same for an attribute: null, absent and empty do, unordered lists are compared as
 * multisets and JSON by content; unknown equals only unknown. */
export function same(attribute: AttributeSchema, left: Value, right: Value): boolean {
  const [one, other] = [reveal(left), reveal(right)];
  if ((isEmpty(one) && isEmpty(other)) || sameValue(one, other)) return true;
  switch (attribute.kind) {
    case "list":
      if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
      if (attribute.unordered) return !pairs(attribute.items, one, other).includes(undefined);
      return one.every((item, index) => same(attribute.items, item, other[index] as Value));
    case "map":
      if (!isMap(one) || !isMap(other)) return false;
      return eachKey(one, other).every(
        ([, item, counterpart]) =>
          same(attribute.values, item, counterpart) && (item === null) === (counterpart === null),
      );
    case "object":
      if (!isMap(one) || !isMap(other)) return false;
      return eachKey(one, other).every(([name, item, counterpart]) => {
        const known = own(attribute.attributes, name);
        return known === undefined ? sameValue(item, counterpart) : same(known, item, counterpart);
      });
    case "json": {
      const [document1, document2] = [document(one), document(other)];
      return document1 !== undefined && document2 !== undefined && sameValue(document1[0], document2[0]);
    }
    case "text":
      return typeof one === "string" && typeof other === "string" && sameText(attribute.format ?? "any", one, other);
  }
  return false;
}

/** For each element of `left` returns the index of an equal element of `right`, each used once. */
function pairs(items: AttributeSchema, left: Value[], right: Value[]): (number | undefined)[] {
  const free = new Set(right.keys());
  return left.map((item) => {
    const found = [...free].find((index) => same(items, item, right[index] as Value));
    if (found !== undefined) free.delete(found);
    return found;
  });
}

/**
 * Returns what the cloud answered in the spelling that was expected, where both mean the same. Where nothing is expected,
 * as in an import, an attribute that says nothing is left out.
 */
export function normalise(schema: ResourceSchema, actual: Value, expected: Value): Value {
  const [one, other] = [reveal(actual), expected === null ? mapOf([]) : reveal(expected)];
  if (!isMap(one) || !isMap(other)) return actual;
  return normaliseMap(one, other, (name) => own(schema.attributes, name));
}

function normaliseMap(
  actual: ValueMap,
  expected: ValueMap,
  attribute: (name: string) => AttributeSchema | undefined,
): ValueMap {
  const entries = eachKey(actual, expected).map(([name, one, other]): [string, Value] => {
    const known = attribute(name);
    return [name, known === undefined ? one : normaliseValue(known, one, other)];
  });
  return mapOf(entries.filter(([, value]) => value !== null));
}

function normaliseValue(attribute: AttributeSchema, actual: Value, expected: Value): Value {
  const [one, other] = [reveal(actual), reveal(expected)];
  if (other instanceof Unknown || (expected === null && !isEmpty(actual))) return actual;
  if (attribute.write_only || same(attribute, actual, expected)) return isWhollyKnown(expected) ? expected : actual;
  let result = one;
  if (attribute.kind === "object" && isMap(one) && isMap(other)) {
    result = normaliseMap(one, other, (name) => own(attribute.attributes, name));
  } else if (attribute.kind === "map" && isMap(one) && isMap(other)) {
    result = normaliseMap(one, other, () => attribute.values);
  } else if (attribute.kind === "list" && Array.isArray(one) && Array.isArray(other)) {
    result = normaliseList(attribute.items, attribute.unordered === true, one, other);
  }
  const hidden = actual instanceof Secret || expected instanceof Secret;
  return hidden || (hasSecret(expected) && !hasSecret(result)) ? secret(result) : result;
}

function normaliseList(items: AttributeSchema, unordered: boolean, actual: Value[], expected: Value[]): Value[] {
  if (!unordered) {
    return actual.map((one, index) => {
      const other = expected[index];
      return other === undefined ? one : normaliseValue(items, one, other);
    });
  }
  const found = pairs(items, expected, actual);
  const kept = expected.filter((_, index) => found[index] !== undefined);
  return [...kept, ...actual.filter((_, index) => !found.includes(index))];
}

/** Marks what the schema calls sensitive as secret. */
export function markSensitive(attributes: AttributeSchemas, value: Value): Value {
  if (!isMap(value)) return value;
  return mapOf(
    Object.entries(value).map(([name, item]) => {
      const attribute = own(attributes, name);
      return [name, attribute === undefined ? item : mark(attribute, item)];
    }),
  );
}

function mark(attribute: AttributeSchema, value: Value): Value {
  if (attribute.sensitive && value !== null) return secret(value);
  if (attribute.kind === "object") return markSensitive(attribute.attributes, value);
  if (attribute.kind === "map" && isMap(value)) {
    return mapOf(sorted(value).map(([key, item]) => [key, mark(attribute.values, item)]));
  }
  if (attribute.kind === "list" && Array.isArray(value)) return value.map((item) => mark(attribute.items, item));
  return value;
}

/** Removes the null entries of maps: null and absent are the same. */
export function withoutNulls(value: Value): Value {
  if (value instanceof Secret) return secret(withoutNulls(value.reveal()));
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  const given = Object.entries(value).filter(([, item]) => reveal(item) !== null);
  return mapOf(given.map(([key, item]) => [key, withoutNulls(item)]));
}
