/** Checking inputs against a schema: everything that is wrong, at once, each with its place. */

import damerauLevenshtein from "damerau-levenshtein";

import { utf8 } from "./bytes.ts";
import type { Diagnostic, Path } from "./diagnostics.ts";
import { document, withoutNulls } from "./equality.ts";
import { complaint } from "./format.ts";
import { describe } from "./schema.ts";
import type { AttributeSchema, AttributeSchemas, ResourceSchema } from "./schema.ts";
import {
  Decimal,
  Reference,
  Secret,
  TOKEN_PREFIX,
  Unknown,
  byCodePoint,
  isMap,
  kindOf,
  mapOf,
  own,
  reveal,
  sameValue,
  secret,
  sorted,
} from "./values.ts";
import type { Value, ValueMap } from "./values.ts";
import { fromJson } from "./values_json.ts";
import { viewOfMap } from "./view.ts";

/** Checked inputs, with defaults, and what was found. */
export interface Checked {
  readonly inputs: Value;
  readonly diagnostics: Diagnostic[];
}

/** Checks inputs and applies defaults. Unknown values and references are allowed everywhere; numbers and booleans given
 * for a text become text; null counts as not given. */
export function checkInputs(schema: Pick<ResourceSchema, "attributes">, given: Value): Checked {
  const check = new Check();
  const inputs = withoutNulls(given);
  const revealed = reveal(inputs);
  if (isMap(revealed) || revealed === null) {
    return { inputs: check.map(schema.attributes, revealed ?? {}, [], false), diagnostics: check.found };
  }
  if (!(revealed instanceof Unknown || revealed instanceof Reference)) {
    check.found.push({ summary: `expected a map of attributes, found ${kindOf(revealed)}` });
  }
  return { inputs, diagnostics: check.found };
}

/** Checks inputs, by the schema and then by the author's own check, which is given what is right so far. */
export function checkedWith(
  schema: ResourceSchema,
  inputs: Value,
  check: ((inputs: never) => Iterable<Diagnostic>) | undefined,
): Checked {
  const checked = checkInputs(schema, inputs);
  const given = reveal(checked.inputs);
  if (check === undefined || !isMap(given)) return checked;
  const isError = (found: Diagnostic): boolean => (found.severity ?? "error") === "error";
  const wrong = new Set(checked.diagnostics.filter(isError).map((found) => found.at?.[0]));
  const right = mapOf(Object.entries(given).filter(([name]) => !wrong.has(name)));
  const found = check(viewOfMap(schema.attributes, right) as never);
  return { inputs: checked.inputs, diagnostics: [...checked.diagnostics, ...found] };
}

class Check {
  readonly found: Diagnostic[] = [];

  map(attributes: AttributeSchemas, given: ValueMap, at: Path, hidden: boolean): ValueMap {
    const checked: [string, Value][] = [];
    for (const [called, value] of sorted(given)) {
      const here = [...at, called];
      const name = this.renamed(attributes, given, called, here);
      const attribute = own(attributes, name);
      if (attribute === undefined) {
        this.found.push(unknownAttribute(attributes, name, here));
      } else if (attribute.output_only) {
        const summary = `\`${name}\` is set by the provider and cannot be given`;
        this.found.push({ summary, help: `remove \`${name}\``, at: here });
      } else {
        checked.push([name, this.value(attribute, value, here, hidden)]);
      }
    }
    const present = mapOf(checked);
    for (const [name, attribute] of sorted(attributes)) {
      if (Object.hasOwn(present, name) || Object.hasOwn(given, name) || attribute.output_only) continue;
      if (attribute.default !== undefined) {
        const standing = fromJson(attribute.default);
        checked.push([name, attribute.sensitive ? secret(standing) : standing]);
      } else if (attribute.required) {
        const meaning = attribute.description ? `: ${attribute.description}` : "";
        this.found.push({
          summary: `\`${name}\` is missing`,
          detail: `expected ${describe(attribute)}`,
          help: `give \`${name}\`${meaning}`,
          at: [...at, name],
        });
      }
    }
    return mapOf(checked);
  }

  /** Returns the name that a given name stands for now. */
  private renamed(attributes: AttributeSchemas, given: ValueMap, name: string, at: Path): string {
    const now = Object.keys(attributes).find((known) => own(attributes, known)?.renamed_from === name);
    if (now === undefined || Object.hasOwn(attributes, name)) return name;
    if (Object.hasOwn(given, now)) {
      const summary = `\`${name}\` is the former name of \`${now}\`, which is given too`;
      this.found.push({ summary, help: `remove \`${name}\``, at });
    } else {
      this.found.push({
        summary: `\`${name}\` is called \`${now}\` now`,
        help: `write \`${now}\``,
        at,
        severity: "warning",
      });
    }
    return now;
  }

  private value(attribute: AttributeSchema, given: Value, at: Path, within: boolean): Value {
    const isSecret = attribute.sensitive === true || given instanceof Secret;
    const hidden = within || isSecret;
    const value = reveal(given);
    let checked = value;
    if (hidden && typeof value === "string" && value.startsWith(TOKEN_PREFIX)) {
      // What the token stands for is not to be seen here, so neither form nor length can be checked.
      if (!["text", "json", "any"].includes(attribute.kind)) {
        this.found.push({
          summary: `a secret is given where ${describe(attribute)} is expected`,
          detail: "the plugin does not see what is secret, and only texts can be passed on unseen",
          help: "give a value that is not secret, or grant the plugin to see it with `reveal`",
          at,
        });
      }
    } else if (!(value instanceof Unknown || value instanceof Reference)) {
      checked = this.known(attribute, value, at, hidden);
    }
    if (attribute.deprecated !== undefined) {
      const summary = "this attribute is deprecated";
      this.found.push({ summary, detail: attribute.deprecated, at, severity: "warning" });
    }
    return isSecret ? secret(checked) : checked;
  }

  private known(attribute: AttributeSchema, given: Value, at: Path, hidden: boolean): Value {
    if (this.rounded(attribute, given, at, hidden)) return given;
    const value = attribute.kind === "text" ? asText(given) : given;
    const error = (summary: string, detail?: string, help?: string): Value => {
      this.found.push({ summary, detail, help, at });
      return value;
    };
    const allowed = (attribute.allowed ?? []).map(fromJson);
    if (allowed.length > 0 && !allowed.some((one) => sameValue(one, value))) {
      const expected = allowed.map((one) => shown(one, false)).join(", ");
      return error(`${shown(value, hidden)} is not allowed`, `expected one of ${expected}`);
    }
    switch (attribute.kind) {
      case "any":
        return value;
      case "boolean":
        if (typeof value === "boolean") return value;
        break;
      case "bytes":
        if (value instanceof Uint8Array) return value;
        break;
      case "number":
        if (typeof value === "number" || value instanceof Decimal) return value;
        break;
      case "integer": {
        if (!Number.isInteger(value)) break;
        const expected = outside(value as number, attribute.minimum, attribute.maximum);
        return expected === "" ? value : error(`${shown(value, hidden)} is out of range`, `expected ${expected}`);
      }
      case "text":
        if (typeof value !== "string") break;
        this.text(attribute, value, at, hidden);
        return value;
      case "list": {
        if (!Array.isArray(value)) break;
        const expected = outside(value.length, attribute.minimum_items, attribute.maximum_items);
        if (expected !== "") error(`the list has ${value.length} elements`, `expected ${expected} elements`);
        return value.map((item, index) => this.value(attribute.items, item, [...at, index], hidden));
      }
      case "map":
        if (!isMap(value)) break;
        return mapOf(
          sorted(value).map(([key, item]) => [key, this.value(attribute.values, item, [...at, key], hidden)]),
        );
      case "object":
        if (!isMap(value)) break;
        return this.map(attribute.attributes, value, at, hidden);
      case "json":
        if (isMap(value) || Array.isArray(value)) return value;
        if (typeof value !== "string") break;
        if (document(value) !== undefined) return value;
        return error("the text is not a JSON document", undefined, "give JSON, or write the document as YAML");
    }
    return error(`expected ${describe(attribute)}, found ${kindOf(value)}`);
  }

  /** Tells numbers that were rounded on their way into the sandbox, before they become wrong texts or documents. */
  private rounded(attribute: AttributeSchema, value: Value, at: Path, within: boolean): boolean {
    const hidden = within || value instanceof Secret;
    const inner = reveal(value);
    if (typeof inner === "bigint") {
      const most = Number.MAX_SAFE_INTEGER;
      const given = hidden ? "the secret integer given" : `an integer near \`${String(inner)}\``;
      const detail = `a plugin in JavaScript takes integers from -${most} to ${most}`;
      this.found.push({ summary: `${given} is out of range`, detail, help: "give it as a text", at });
      return true;
    }
    if (attribute.kind !== "any" && attribute.kind !== "json") return false;
    const items = Array.isArray(inner) ? [...inner.entries()] : isMap(inner) ? sorted(inner) : [];
    return items.filter(([step, item]) => this.rounded(attribute, item, [...at, step], hidden)).length > 0;
  }

  private text(attribute: AttributeSchema & { kind: "text" }, value: string, at: Path, hidden: boolean): void {
    const wrong = complaint(attribute.format ?? "any", value);
    if (wrong !== "") {
      this.found.push({ summary: `${shown(value, hidden)} is not a valid ${describe(attribute)}`, detail: wrong, at });
    }
    if (attribute.pattern !== undefined && !new RegExp(`^(?:${attribute.pattern})$`, "u").test(value)) {
      const detail = `expected text that fits \`${attribute.pattern}\``;
      this.found.push({ summary: `${shown(value, hidden)} has not the form wanted`, detail, at });
    }
    const length = [...value].length;
    const expected = outside(length, attribute.minimum_length, attribute.maximum_length);
    if (expected !== "") {
      this.found.push({ summary: `the text has ${length} characters`, detail: `expected ${expected} characters`, at });
    }
  }
}

/** YAML reads `1` and `true` as numbers and booleans where people mean text, in tags above all. */
function asText(value: Value): Value {
  const scalar = typeof value === "boolean" || typeof value === "number";
  return scalar || value instanceof Decimal ? String(value) : value;
}

function unknownAttribute(attributes: AttributeSchemas, name: string, at: Path): Diagnostic {
  const summary = `there is no attribute \`${name}\``;
  const inputs = sorted(attributes).filter(([, attribute]) => !attribute.output_only);
  const known = inputs.map(([one]) => one);
  const near = known
    .map((one): [number, string] => {
      // The beginning of a name is as good as a slip of the finger.
      const begun = utf8(name).length >= 3 && one.startsWith(name);
      return [begun ? 0 : damerauLevenshtein(name, one).steps, one];
    })
    .filter(([distance, one]) => distance <= 1 + Math.floor(utf8(one).length / 4))
    .sort(([one, left], [other, right]) => one - other || byCodePoint(left, right));
  if (near[0] !== undefined) return { summary, help: `did you mean \`${near[0][1]}\`?`, at };
  const expected = known.map((one) => `\`${one}\``).join(", ");
  return { summary, detail: known.length > 0 ? `expected one of ${expected}` : "nothing can be given here", at };
}

/** Returns a value as a message may show it. */
function shown(value: Value, hidden: boolean): string {
  if (hidden) return `the secret ${kindOf(value)} given`;
  if (typeof value === "string") {
    const characters = [...value];
    return characters.length > 80 ? `\`${characters.slice(0, 80).join("")}…\`` : `\`${value}\``;
  }
  const scalar = typeof value === "boolean" || typeof value === "number" || value instanceof Decimal;
  return scalar ? `\`${String(value)}\`` : `the ${kindOf(value)} given`;
}

/** Returns what was expected when a number is outside its limits. */
function outside(number: number, minimum: number | undefined, maximum: number | undefined): string {
  if ((minimum === undefined || number >= minimum) && (maximum === undefined || number <= maximum)) return "";
  if (minimum === undefined) return `at most ${maximum}`;
  return maximum === undefined ? `at least ${minimum}` : `${minimum} to ${maximum}`;
}
