/** Values as tables of nodes, the form in which they cross into and out of the sandbox. */

import type { Path } from "./diagnostics.ts";
import {
  Decimal,
  MOST_DEPTH,
  NotAValue,
  Reference,
  Secret,
  UNKNOWN,
  isMap,
  kindOf,
  mapOf,
  numberFrom,
  sorted,
  valueOf,
} from "./values.ts";
import type { Value } from "./values.ts";

export type PathStep =
  { readonly tag: "attribute"; readonly val: string } | { readonly tag: "index"; readonly val: number };

export interface MapEntry {
  readonly key: string;
  readonly value: number;
}

/** One node, as the bindings of the interface write it; children are positions in the table. */
export type Node =
  | { readonly tag: "null"; readonly val?: undefined }
  | { readonly tag: "boolean"; readonly val: boolean }
  | { readonly tag: "integer"; readonly val: number | bigint }
  | { readonly tag: "number"; readonly val: string }
  | { readonly tag: "text"; readonly val: string }
  | { readonly tag: "bytes"; readonly val: Uint8Array }
  | { readonly tag: "list"; readonly val: readonly number[] }
  | { readonly tag: "map"; readonly val: readonly MapEntry[] }
  | { readonly tag: "unknown"; readonly val?: undefined }
  | { readonly tag: "secret"; readonly val: number }
  | { readonly tag: "reference"; readonly val: { readonly resource: string; readonly path: readonly PathStep[] } };

export function pathOut(path: Path): PathStep[] {
  return path.map((step) => (typeof step === "number" ? { tag: "index", val: step } : { tag: "attribute", val: step }));
}

/** Writes a value as a table, the root first. */
export function encode(value: Value): Node[] {
  const nodes: Node[] = [];
  const add = (given: Value, depth: number): number => {
    if (depth > MOST_DEPTH) throw new NotAValue(`a value is nested deeper than ${MOST_DEPTH}`);
    const index = nodes.length;
    nodes.push({ tag: "null" });
    nodes[index] = node(given, (child) => add(child, depth + 1));
    return index;
  };
  add(value, 1);
  return nodes;
}

function node(given: Value, add: (child: Value) => number): Node {
  if (Array.isArray(given)) return { tag: "list", val: given.map(add) };
  if (isMap(given)) return { tag: "map", val: sorted(given).map(([key, item]) => ({ key, value: add(item) })) };
  if (given instanceof Secret) return { tag: "secret", val: add(given.reveal()) };
  if (given instanceof Decimal) return { tag: "number", val: given.text };
  if (given instanceof Uint8Array) return { tag: "bytes", val: given };
  if (given instanceof Reference) {
    return { tag: "reference", val: { resource: given.resource, path: pathOut(given.path) } };
  }
  switch (typeof given) {
    case "boolean":
      return { tag: "boolean", val: given };
    case "string":
      return { tag: "text", val: given.toWellFormed() };
    case "number":
    case "bigint": {
      const number = valueOf(given);
      return number instanceof Decimal
        ? { tag: "number", val: number.text }
        : { tag: "integer", val: number as number };
    }
  }
  return { tag: kindOf(given) === "unknown" ? "unknown" : "null" };
}

/** Reads a table of nodes. Children stand after their parents, so it is read from its end. */
export function decode(nodes: readonly Node[]): Value {
  const values: Value[] = new Array<Value>(nodes.length).fill(null);
  if (nodes.length === 0) throw new NotAValue("a table without nodes is no value");
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    const child = (at: number): Value => {
      if (!(index < at && at < nodes.length)) {
        throw new NotAValue(`node ${index} names node ${at}, which does not stand after it`);
      }
      return values[at] as Value;
    };
    values[index] = valueOfNode(nodes[index] as Node, child);
  }
  return values[0] as Value;
}

function valueOfNode(node: Node, child: (at: number) => Value): Value {
  switch (node.tag) {
    case "null":
      return null;
    case "unknown":
      return UNKNOWN;
    case "integer":
      // What the bindings rounded already is kept apart, for `check` to tell its place.
      return (Number.isSafeInteger(Number(node.val)) ? Number(node.val) : BigInt(node.val)) as Value;
    case "number":
      return numberFrom(node.val) as Value;
    case "list":
      return node.val.map(child);
    case "map":
      return mapOf(node.val.map(({ key, value }) => [key, child(value)]));
    case "secret":
      return new Secret(child(node.val));
    case "reference":
      return new Reference(
        node.val.resource,
        node.val.path.map((step) => step.val),
      );
    case "boolean":
    case "text":
    case "bytes":
      return node.val;
  }
  throw new NotAValue(`there is no node of the kind ${(node as { tag: string }).tag}`);
}
