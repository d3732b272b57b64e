/** Values as an author's code sees them: by their declared types. */

import type { AttributeSchema, AttributeSchemas } from "./schema.ts";
import { Decimal, Reference, Secret, UNKNOWN, Unknown, isMap, mapOf, own, reveal } from "./values.ts";
import type { Value, ValueMap } from "./values.ts";

/** What becomes of references: pure code of resources sees them as unknown, components pass them on. */
type References = "unknown" | "kept";

/** Returns attributes by their declared types; those that the schema does not know are left out. */
export function viewOfMap(
  attributes: AttributeSchemas,
  values: ValueMap,
  references: References = "unknown",
): Record<string, unknown> {
  const known = Object.keys(attributes).filter((name) => Object.hasOwn(values, name) && values[name] !== null);
  return mapOf(
    known.map((name) => [name, view(attributes[name] as AttributeSchema, values[name] as Value, references)]),
  );
}

/** Returns a value by its declared type. Only what is declared sensitive stays a `Secret`; of anything else that an
 * operator made secret the plugin sees the token, and its answer is marked again. */
export function view(attribute: AttributeSchema, value: Value, references: References = "unknown"): unknown {
  const inner = reveal(value);
  if (inner instanceof Reference && references === "kept") return inner;
  if (inner instanceof Unknown || inner instanceof Reference) return UNKNOWN;
  const seen = viewOfKind(attribute, inner, references);
  return attribute.sensitive && inner !== null ? new Secret(seen) : seen;
}

function viewOfKind(attribute: AttributeSchema, value: Value, references: References): unknown {
  if (value instanceof Decimal) return Number(value.text);
  if (Array.isArray(value)) {
    const items: AttributeSchema = attribute.kind === "list" ? attribute.items : { kind: "any" };
    return value.map((item) => view(items, item, references));
  }
  if (!isMap(value)) return value;
  if (attribute.kind === "object") return viewOfMap(attribute.attributes, value, references);
  const values: AttributeSchema = attribute.kind === "map" ? attribute.values : { kind: "any" };
  return mapOf(Object.keys(value).map((key) => [key, view(values, own(value, key) ?? null, references)]));
}
