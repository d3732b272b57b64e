/** Planning from a schema: what an object will look like, and what has to change for that. */

import type { Diagnostic, Path } from "./diagnostics.ts";
import { eachKey, markSensitive, same } from "./equality.ts";
import type { AttributeSchema, AttributeSchemas, ResourceSchema } from "./schema.ts";
import { Secret, UNKNOWN, isMap, mapOf, own, reveal, secret, sorted } from "./values.ts";
import type { Value, ValueMap } from "./values.ts";

/** What changes at a place. */
export interface Change {
  readonly at: Path;
  readonly kind: "add" | "delete" | "update";
  readonly requiresReplacement: boolean;
}

/** What an object will look like, and why. */
export interface Plan {
  readonly planned: Value;
  readonly changes: readonly Change[];
  readonly deleteBeforeReplace: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

/** What becomes of computed attributes: they keep their value, lose it where they are volatile, or are all new. */
type Computed = "keep" | "change" | "create";

/** Plans an object. On create every computed attribute is unknown; on update it keeps its value unless it is volatile;
 * where a change means replacement it is unknown again. What means the same keeps its spelling. */
export function planObject(schema: ResourceSchema, prior: ValueMap | undefined, inputs: Value): Plan {
  const { attributes } = schema;
  const revealed = reveal(inputs);
  const given = isMap(revealed) ? revealed : {};
  let planned: ValueMap;
  let changes: Change[];
  if (prior === undefined) {
    planned = planMap(attributes, given, {}, "create");
    changes = sorted(planned)
      .filter(([name]) => Object.hasOwn(given, name))
      .map(([name]) => ({ at: [name], kind: "add", requiresReplacement: false }));
  } else {
    planned = planMap(attributes, given, prior, "keep");
    changes = differencesOfMaps(attributes, prior, planned, []).map((change) => ({
      ...change,
      requiresReplacement: replacesAt(schema, change.at),
    }));
    if (changes.some((change) => change.requiresReplacement)) planned = planMap(attributes, given, prior, "create");
    else if (changes.length > 0) planned = planMap(attributes, given, prior, "change");
  }
  return {
    planned: markSensitive(attributes, planned),
    changes,
    deleteBeforeReplace: schema.delete_before_replace === true,
    diagnostics: [],
  };
}

/** Tells whether a change at a path means replacement: the attribute there or any it stands in says so. */
export function replacesAt(schema: ResourceSchema, path: Path): boolean {
  let here = own(schema.attributes, String(path[0]));
  for (const step of [...path.slice(1), undefined]) {
    if (here === undefined) return false;
    if (here.replaces) return true;
    if (here.kind === "list" && typeof step === "number") here = here.items;
    else if (here.kind === "map" && typeof step === "string") here = here.values;
    else if (here.kind === "object" && typeof step === "string") here = own(here.attributes, step);
    else return false;
  }
  return false;
}

/** Returns the attributes that could have been given: inputs that plan to no change. */
export function inputsOf(attributes: AttributeSchemas, values: ValueMap): ValueMap {
  const given: [string, Value][] = [];
  for (const [name, value] of sorted(values)) {
    const attribute = own(attributes, name);
    if (attribute === undefined || attribute.output_only || value === null) continue;
    given.push([name, givenValue(attribute, value)]);
  }
  return mapOf(given);
}

function givenValue(attribute: AttributeSchema, value: Value): Value {
  if (attribute.kind === "object" && isMap(value)) return inputsOf(attribute.attributes, value);
  if (attribute.kind === "list" && Array.isArray(value)) return value.map((item) => givenValue(attribute.items, item));
  if (attribute.kind === "map" && isMap(value)) {
    return mapOf(sorted(value).map(([key, item]) => [key, givenValue(attribute.values, item)]));
  }
  return value;
}

function planMap(attributes: AttributeSchemas, inputs: ValueMap, prior: ValueMap, computed: Computed): ValueMap {
  const planned = sorted(attributes).map(([name, attribute]): [string, Value] => [
    name,
    planValue(attribute, own(inputs, name) ?? null, own(prior, name) ?? null, computed),
  ]);
  return mapOf(planned.filter(([, value]) => value !== null));
}

function planValue(attribute: AttributeSchema, given: Value, prior: Value, computed: Computed): Value {
  const [one, other] = [reveal(given), reveal(prior)];
  if (attribute.output_only || one === null) {
    if (!attribute.computed && !attribute.output_only) return null;
    return computed === "create" || (computed === "change" && attribute.volatile) ? UNKNOWN : prior;
  }
  if (computed !== "create" && same(attribute, given, prior)) return keepMark(given, prior);
  let planned = one;
  if (attribute.kind === "object" && isMap(one)) {
    planned = planMap(attribute.attributes, one, isMap(other) ? other : {}, computed);
  } else if (attribute.kind === "list" && attribute.items.kind === "object" && Array.isArray(one)) {
    const before = Array.isArray(other) ? other : [];
    planned = planElements(attribute.items, attribute.unordered === true, one, before, computed);
  }
  return keepMark(given, planned);
}

function keepMark(given: Value, planned: Value): Value {
  return given instanceof Secret ? secret(planned) : planned;
}

function planElements(
  items: AttributeSchema,
  unordered: boolean,
  inputs: Value[],
  prior: Value[],
  computed: Computed,
): Value[] {
  if (!unordered) return inputs.map((one, index) => planValue(items, one, prior[index] ?? null, computed));
  // Each takes after the first it can be made of without a change, so that what the provider set in it stays.
  const free = [...prior];
  return inputs.map((one) => {
    const index = free.findIndex((other) => same(items, planValue(items, one, other, "keep"), other));
    if (index < 0) return planValue(items, one, null, "create");
    const [taken = null] = free.splice(index, 1);
    return planValue(items, one, taken, computed);
  });
}

type Difference = Omit<Change, "requiresReplacement">;

// What only the provider sets has its prior value here, so it never is a reason to change something.
function differencesOfMaps(attributes: AttributeSchemas, prior: ValueMap, planned: ValueMap, at: Path): Difference[] {
  return eachKey(prior, planned).flatMap(([name, before, after]) => {
    const attribute = own(attributes, name);
    return attribute === undefined ? [] : differences(attribute, before, after, [...at, name]);
  });
}

function differences(attribute: AttributeSchema, prior: Value, planned: Value, at: Path): Difference[] {
  if (same(attribute, prior, planned)) return [];
  const [one, other] = [reveal(prior), reveal(planned)];
  if (one === null) return [{ at, kind: "add" }];
  if (other === null) return [{ at, kind: "delete" }];
  if (attribute.kind === "object" && isMap(one) && isMap(other)) {
    return differencesOfMaps(attribute.attributes, one, other, at);
  }
  if (attribute.kind === "map" && isMap(one) && isMap(other)) {
    return eachKey(one, other).flatMap(([key, before, after]) =>
      differences(attribute.values, before, after, [...at, key]),
    );
  }
  if (attribute.kind === "list" && Array.isArray(one) && Array.isArray(other)) {
    if (!attribute.unordered && one.length === other.length) {
      return one.flatMap((before, index) =>
        differences(attribute.items, before, other[index] as Value, [...at, index]),
      );
    }
  }
  return [{ at, kind: "update" }];
}
