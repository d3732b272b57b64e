/** Objects that older versions of a schema described. */

import { schemasOf } from "./attributes.ts";
import type { Attributes, RecordedOf } from "./attributes.ts";
import type { ResourceSchema } from "./schema.ts";
import { Decimal, Secret, isMap, mapOf, own, reveal, secret, valueOf } from "./values.ts";
import type { Value, ValueMap } from "./values.ts";
import { viewOfMap } from "./view.ts";

declare const UPGRADED: unique symbol;

/** How the attributes of one version become those of another. */
export interface Upgrade<To> {
  readonly [UPGRADED]?: To;
  run(stored: Value): Value;
}

/** Says how attributes as they were become those of the current version. */
export function upgrade<const A extends Attributes, To>(from: A, rewrite: (stored: RecordedOf<A>) => To): Upgrade<To> {
  const schemas = schemasOf(from);
  return {
    run: (stored) => valueOf(rewrite(viewOfMap(schemas, reveal(stored) as ValueMap) as RecordedOf<A>)),
  };
}

/** Returns stored attributes under the names they have now. */
export function renamed(schema: ResourceSchema, stored: Value): Value {
  const values = reveal(stored);
  if (!isMap(values)) return stored;
  const now = new Map(Object.entries(schema.attributes).map(([name, attribute]) => [attribute.renamed_from, name]));
  return mapOf(
    Object.entries(values).flatMap(([name, value]): [string, Value][] => {
      const called = now.get(name);
      if (called === undefined) return [[name, value]];
      return own(values, called) === undefined ? [[called, value]] : [];
    }),
  );
}

/** Gives upgraded attributes the secret marks that the stored ones had, wherever their values went to. */
export function asSecretsWere(stored: Value, upgraded: Value): Value {
  const secrets: Value[] = [];
  collect(stored, false, secrets);
  return marked(upgraded, secrets);
}

function collect(value: Value, hidden: boolean, secrets: Value[]): void {
  if (value instanceof Secret) collect(value.reveal(), true, secrets);
  else if (Array.isArray(value)) for (const item of value) collect(item, hidden, secrets);
  else if (isMap(value)) for (const item of Object.values(value)) collect(item, hidden, secrets);
  else if (hidden && !["", null, true, false].includes(value as string)) secrets.push(value);
}

function marked(value: Value, secrets: readonly Value[]): Value {
  if (value instanceof Secret) return value;
  if (Array.isArray(value)) return value.map((item) => marked(item, secrets));
  if (isMap(value)) return mapOf(Object.entries(value).map(([key, item]) => [key, marked(item, secrets)]));
  const isSecret = secrets.some((one) => {
    if (typeof one === "string") return typeof value === "string" && value.includes(one);
    if (one instanceof Decimal) return value instanceof Decimal && one.text === value.text;
    return one === value;
  });
  return isSecret ? secret(value) : value;
}
