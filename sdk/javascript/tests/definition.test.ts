/** What is declared: what is refused where it is declared, and the types that follow from it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { format, inspect } from "node:util";

import {
  DefinitionError,
  Secret,
  UNKNOWN,
  boolean,
  integer,
  list,
  map,
  number,
  object,
  plugin,
  resource,
  text,
} from "../source/index.ts";
import type { Answer, AttributesOf, Definition, InputsOf, RecordedOf } from "../source/index.ts";

const attributes = {
  name: text({ description: "Its name.", replaces: true, pattern: "[a-z]+" }),
  pages: integer({ description: "How many.", optional: true, range: [0] }),
  key: text({ description: "A key.", optional: true, sensitive: true, writeOnly: true }),
  level: text({ description: "How hard.", oneOf: ["low", "high"], default: "low" }),
  weight: number({ description: "In kilograms.", computed: true }),
  labels: map({ description: "Labels.", optional: true, values: text({ description: "A label." }) }),
  parts: list({
    description: "Its parts.",
    optional: true,
    items: object({
      description: "A part.",
      attributes: {
        title: text({ description: "Its title." }),
        number: integer({ description: "Its number.", output: true }),
      },
    }),
  }),
  id: text({ description: "Its number.", output: true }),
};

const books = {
  type: "shelf:store:Book",
  description: "A book.",
  attributes,
  identity: { format: "NAME", attributes: ["name"] },
  create: (): Answer<typeof attributes> => ({ id: "1", attributes: { name: "a", level: "low", weight: 1.5, id: "1" } }),
  read: () => undefined,
  replaceOnEveryChange: true,
  undeletable: "books are kept",
} as const satisfies Definition<typeof attributes>;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isSame = <_ extends true>(): void => {};

test("the types of inputs, answers and records follow from the declaration", () => {
  // Checked by the compiler; there is nothing to see when the tests run.
  isSame<
    Same<
      InputsOf<typeof attributes>,
      {
        readonly name: string;
        readonly level: "low" | "high";
        readonly pages?: number | undefined;
        readonly key?: Secret<string> | undefined;
        readonly weight?: number | undefined;
        readonly labels?: Readonly<Record<string, string>> | undefined;
        readonly parts?: readonly { readonly title: string }[] | undefined;
      }
    >
  >();
  type Answered = AttributesOf<typeof attributes>;
  isSame<Same<Answered["weight"], number>>();
  isSame<Same<Answered["key"], string | Secret<string> | null | undefined>>();
  isSame<Same<NonNullable<Answered["parts"]>[number], { readonly title: string; readonly number: number }>>();
  isSame<Same<RecordedOf<typeof attributes>["id"], string>>();
  // @ts-expect-error an option that does not exist
  assert.throws(() => text({ description: "A text.", replace: true }), /there is no option `replace`; the options are/);
  // @ts-expect-error an answer without what only the provider sets
  const unanswered: AttributesOf<typeof attributes> = { name: "a", level: "low", weight: 1 };
  // @ts-expect-error a value that is not allowed
  const wrong: InputsOf<typeof attributes>["level"] = "middle";
  // @ts-expect-error neither `update` nor `replaceOnEveryChange`
  const unchangeable: Definition<typeof attributes> = { ...books, replaceOnEveryChange: undefined };
  assert.ok([unanswered, wrong, unchangeable]);
});

test("the schema has what was declared, and nothing that is the default", () => {
  const { schema } = resource(books);
  assert.deepEqual(schema.attributes["pages"], {
    kind: "integer",
    minimum: 0,
    description: "How many.",
    replaces: true,
  });
  assert.deepEqual(schema.attributes["level"], {
    kind: "text",
    description: "How hard.",
    replaces: true,
    default: "low",
    allowed: ["low", "high"],
  });
  assert.deepEqual(schema.attributes["id"], {
    kind: "text",
    description: "Its number.",
    computed: true,
    output_only: true,
  });
  assert.deepEqual(schema.attributes["labels"], {
    kind: "map",
    values: { kind: "text", description: "A label." },
    description: "Labels.",
    replaces: true,
  });
  assert.deepEqual(schema.identity, { format: "NAME", attributes: ["name"] });
  assert.equal(schema.attributes["name"]?.required, true);
  assert.ok(!("version" in schema));
  const off = boolean({ description: "Whether.", default: false });
  assert.deepEqual(off.schema, { kind: "boolean", description: "Whether.", default: false });
});

/** Returns what is wrong with a definition that differs from a good one. */
function problemsWith(difference: object): string[] {
  try {
    resource({ ...books, ...difference } as unknown as Definition<typeof attributes>);
  } catch (error) {
    assert.ok(error instanceof DefinitionError);
    return error.problems.map((problem) => problem.split(";")[0] as string);
  }
  return [];
}

test("what an author left out is an error where the type is declared, all of it at once", () => {
  assert.deepEqual(problemsWith({}), []);
  const nothing = { create: undefined, read: undefined, replaceOnEveryChange: undefined, undeletable: undefined };
  assert.deepEqual(problemsWith({ ...nothing, identity: undefined, description: "" }), [
    "its description is missing",
    "`create` is missing",
    "`read` is missing",
    "`update` is missing",
    "`delete` is missing",
    "its identity is missing",
  ]);
  assert.deepEqual(problemsWith({ update: books.create, delete: books.read }), [
    "`update` is written beside `replaceOnEveryChange: true`",
    '`delete` is written beside `undeletable: "WHY"`',
  ]);
  assert.deepEqual(problemsWith({ identity: { format: "NAME", attributes: ["nmae"] } }), [
    "its identity names `nmae`, which is no attribute",
  ]);
  assert.deepEqual(problemsWith({ type: "shelf.book" }), ["`shelf.book` is no type name"]);
  assert.deepEqual(problemsWith({ tags: "name" }), ["its tags are `name`, which is no attribute made by `map`"]);
  assert.deepEqual(problemsWith({ tags: "constructor" }), [
    "its tags are `constructor`, which is no attribute made by `map`",
  ]);
  assert.deepEqual(problemsWith({ version: 2 }), [
    "it does not say how version 0 is upgraded",
    "it does not say how version 1 is upgraded",
  ]);
});

test("an attribute that contradicts itself is refused", () => {
  const wrong = [
    [() => text({ description: "" }), /its description is missing/],
    [() => text({ description: "A.", output: true, default: "x" }), /what the provider sets has no default/],
    [() => text({ description: "A.", volatile: true }), /it is volatile, and not set by the provider/],
    [() => text({ description: "A.", pattern: "(" }), /its pattern is no regular expression/],
    [() => integer({ description: "A.", default: 2 ** 53 }), /JavaScript rounds/],
  ] as const;
  for (const [declare, message] of wrong) assert.throws(declare, message);
});

test("two types of one name, or of another plugin, are refused", () => {
  const one = resource(books);
  const known = { name: "shelf", version: "1.0.0", description: "Books" };
  assert.throws(() => plugin({ ...known, resources: [one, one] }), /`shelf:store:Book` is defined twice/);
  assert.throws(() => plugin({ ...known, name: "other", resources: [one] }), /does not begin with `other:`/);
  const reveals = [{ resourceType: "shelf:store:Nook", attribute: "key", reason: "to see it" }];
  assert.throws(() => plugin({ ...known, resources: [one], reveals }), /a secret of `shelf:store:Nook`/);
});

test("a manifest says what the plugin is and wants", () => {
  const shelf = plugin({
    name: "shelf",
    version: "1.0.0",
    description: "Books",
    resources: [resource(books)],
    endpoints: [{ id: "api", reason: "keeps books", methods: ["GET"] }],
    reveals: [{ resourceType: "shelf:store:Book", attribute: "key", reason: "sent as base64" }],
    configSchema: { type: "object" },
  });
  assert.deepEqual(shelf.manifest(), {
    name: "shelf",
    version: "1.0.0",
    description: "Books",
    resource_types: ["shelf:store:Book"],
    component_types: [],
    functions: [],
    metadata: [],
    declares: [],
    modules: ["shelf"],
    endpoints: [{ id: "api", protocol: "http", service: "shelf", methods: ["GET"], reason: "keeps books" }],
    reveals: [{ resource_type: "shelf:store:Book", attribute: "key", reason: "sent as base64" }],
  });
  assert.throws(() => shelf.resource("shelf:store:Nook"), /this plugin has no type `shelf:store:Nook`/);
});

test("a secret prints masked however it is printed", () => {
  const planted = new Secret("planted");
  const { inputs } = resource(books).check({ name: "a", key: "planted" });
  const printed = [
    `${planted}`,
    String(planted),
    JSON.stringify(planted),
    inspect(planted, { showHidden: true, depth: 9 }),
    format("%o", planted),
    JSON.stringify(inputs),
    inspect(inputs, { showHidden: true, depth: 9 }),
    JSON.stringify({ ...planted }),
  ];
  for (const one of printed) assert.ok(!one.includes("planted"), one);
  assert.equal(planted.reveal(), "planted");
  assert.equal(String(UNKNOWN), "UNKNOWN");
});
