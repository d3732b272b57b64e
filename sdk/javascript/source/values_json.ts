/** Values as JSON that loses nothing: `{"$secret": …}`, `{"$unknown": true}`, `{"$number": "1.5"}`, …. */

import { base64Of, bytesOfBase64 } from "./bytes.ts";
import { pathFrom, pathText } from "./diagnostics.ts";
import { Decimal, Reference, Secret, UNKNOWN, Unknown, isMap, mapOf, numberFrom, own } from "./values.ts";
import type { Value } from "./values.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Returns the lossless JSON form, with secrets in the open; for test cases and comparing, never for showing. */
export function toJson(value: Value): Json {
  if (value instanceof Decimal) return { $number: value.text };
  if (value instanceof Uint8Array) return { $bytes: base64Of(value) };
  if (value instanceof Unknown) return { $unknown: true };
  if (value instanceof Secret) return { $secret: toJson(value.reveal()) };
  if (value instanceof Reference) return { $reference: { resource: value.resource, path: pathText(value.path) } };
  if (Array.isArray(value)) return value.map(toJson);
  if (isMap(value)) {
    const written = mapOf(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
    const keys = Object.keys(written);
    return keys.length === 1 && keys[0]?.startsWith("$") ? { $map: written } : written;
  }
  return value;
}

/** Reads the lossless JSON form, or plain JSON. */
export function fromJson(json: unknown): Value {
  if (typeof json === "number" || typeof json === "bigint") return numberFrom(String(json)) as Value;
  if (Array.isArray(json)) return json.map(fromJson);
  if (!isMap(json)) return json as Value;
  const keys = Object.keys(json);
  const held = keys.length === 1 ? (own(json, keys[0] as string) as unknown) : undefined;
  switch (held === undefined ? "" : keys[0]) {
    case "$number":
      return numberFrom(String(held)) as Value;
    case "$bytes":
      return bytesOfBase64(String(held)) ?? "";
    case "$unknown":
      return UNKNOWN;
    case "$secret":
      return new Secret(fromJson(held));
    case "$reference": {
      const { resource, path } = held as { resource: string; path: string };
      return new Reference(resource, pathFrom(path));
    }
    case "$map":
      return mapOf(Object.entries(held as object).map(([key, item]) => [key, fromJson(item)]));
  }
  return mapOf(Object.entries(json).map(([key, item]) => [key, fromJson(item)]));
}

/** Reads a JSON document. A whole number that JavaScript would round is a bigint, so that it can be kept as text. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
    return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  });
}

/** Makes a value of plain JSON, in which `$secret` is a key like any other. */
export function valueOfJson(json: unknown): Value {
  if (typeof json === "number" || typeof json === "bigint") return numberFrom(String(json)) as Value;
  if (Array.isArray(json)) return json.map(valueOfJson);
  return isMap(json) ? mapOf(Object.entries(json).map(([key, item]) => [key, valueOfJson(item)])) : (json as Value);
}
