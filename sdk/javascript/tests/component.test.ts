/** Components and functions, and what the compiler and the SDK refuse of them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Failure,
  Reference,
  Secret,
  UNKNOWN,
  component,
  integer,
  list,
  plugin,
  pluginFunction,
  resource,
  text,
} from "../source/index.ts";
import type { Component, Construction } from "../source/index.ts";
import { ScriptedCloud } from "../source/testing.ts";

const box = resource({
  type: "shelf:store:Box",
  description: "A box.",
  attributes: {
    name: text({ description: "Its name.", replaces: true }),
    inside: text({ description: "What it is in.", optional: true }),
    size: integer({ description: "Its size.", default: 3 }),
    id: text({ description: "Its number.", output: true }),
  },
  identity: { format: "NAME", attributes: ["name"] },
  create: () => {
    throw new Failure("unsupported", "no boxes");
  },
  read: () => undefined,
  replaceOnEveryChange: true,
  undeletable: "boxes are kept",
});

const attributes = {
  name: text({ description: "The name of the outer one." }),
  inner: list({ description: "The names of the inner ones.", items: text({ description: "A name." }) }),
  key: text({ description: "A key.", optional: true, sensitive: true }),
  outer: text({ description: "The outer one's number.", output: true }),
};

const stack = component({
  type: "shelf:store:Stack",
  description: "Boxes in a box.",
  attributes,
  check: ({ name, inner }) =>
    Array.isArray(inner) && inner.includes(name) ? [{ summary: "a box cannot be in itself", at: ["inner"] }] : [],
  construct(construction, { name, inner, key }) {
    const options = { protect: true, deleteBeforeReplace: false, ignoreChanges: ["inside"] };
    const outer = construction.declare("outer", box, { name }, options);
    for (const one of construction.known(inner, "inner")) {
      construction.declare(one, box, { name: one, inside: outer.at("id") }, { dependsOn: [outer] });
    }
    construction.declare("label", "other:store:Label", {
      text: key,
      owner: construction.metadata["owner"],
      none: null,
    });
    construction.diagnose({ summary: "boxes are old", severity: "warning" });
    return { outer: outer.at("id") };
  },
});

test("a component declares resources with references, options and outputs", () => {
  const name = new Reference("there", ["names", 0]);
  const key = new Secret("ksealed-1");
  const made = stack.construct("boxes", { name, inner: ["a"], key }, { owner: "me" });
  const outer = new Reference("./outer", ["id"]);
  assert.deepEqual(made.declarations, [
    {
      name: "outer",
      type: "shelf:store:Box",
      properties: { name },
      options: { protect: true, delete_before_replace: false, ignore_changes: ["inside"] },
    },
    {
      name: "a",
      type: "shelf:store:Box",
      properties: { name: "a", inside: outer },
      options: { depends_on: ["./outer"] },
    },
    { name: "label", type: "other:store:Label", properties: { text: key, owner: "me" }, options: {} },
  ]);
  assert.equal((made.declarations[2]?.properties["text"] as Secret).reveal() as string, "ksealed-1");
  assert.deepEqual(made.outputs, { outer });
  assert.deepEqual(
    made.diagnostics.map((found) => found.summary),
    ["boxes are old"],
  );
});

test("what is wrong with the inputs of a component is told, and nothing is declared", () => {
  const made = stack.construct("boxes", { name: "a", inner: ["a"], outer: "x" });
  assert.deepEqual(made.diagnostics.map((found) => found.summary).sort(), [
    "`outer` is set by the provider and cannot be given",
    "a box cannot be in itself",
  ]);
  assert.deepEqual([made.declarations, made.outputs], [[], {}]);
  const unsettled = [
    [{ name: "a", inner: UNKNOWN }, ["inner"]],
    [{ name: "a", inner: ["b", new Reference("there", ["c"])] }, ["inner"]],
    [UNKNOWN, []],
  ] as const;
  for (const [inputs, at] of unsettled) {
    assert.throws(
      () => stack.construct("boxes", inputs as never),
      (error: Failure) => {
        assert.equal(error.disposition, "invalid");
        assert.deepEqual(error.diagnostics[0]?.at, at);
        return true;
      },
    );
  }
});

function broken(construct: (construction: Construction) => unknown): Component {
  return component({
    type: "shelf:store:Broken",
    description: "Broken.",
    attributes: { outer: text({ description: "An output.", output: true }) },
    construct: construct as never,
  });
}

test("a mistake of the author is told as one", () => {
  const mistakes: [Component, RegExp][] = [
    [
      broken((one) => ({ outer: one.declare("a", box, { name: "a" }).at("nmae" as "name") })),
      /has no attribute `nmae`, only id/,
    ],
    [
      broken((one) => [one.declare("a", box, { name: "a" }), one.declare("a", box, { name: "a" })]),
      /declares `a` twice/,
    ],
    [broken((one) => one.declare("a", box, [] as never)), /the properties of `a` are no plain object/],
    [broken(() => ({ other: 1 })), /has to return the outputs outer, and returned other/],
    [broken(() => null), /and returned none/],
    [broken(() => Promise.resolve({ outer: "a" })), /and returned a promise/],
  ];
  for (const [one, told] of mistakes) assert.throws(() => one.construct("a", {}), told);
});

test("the compiler knows what is declared, referred to and returned", () => {
  const wrong = (): unknown =>
    component({
      type: "shelf:store:Wrong",
      description: "Wrong.",
      attributes,
      // @ts-expect-error: the output is called `outer`
      construct(construction, { name, inner }) {
        // @ts-expect-error: a box has a name
        construction.declare("a", box, { inside: "b" });
        // @ts-expect-error: its number is not to be given
        construction.declare("b", box, { name, id: "1" });
        // @ts-expect-error: its size is a number
        construction.declare("c", box, { name, size: "large" });
        const outer = construction.declare("d", box, { name, size: UNKNOWN, inside: null });
        // @ts-expect-error: it has no such attribute
        outer.at("nmae");
        // @ts-expect-error: it may not be known
        inner.map(String);
        const known: readonly string[] = construction.known(inner, "inner");
        return { otuer: known };
      },
    });
  assert.equal(typeof wrong, "function");
});

const count = pluginFunction({
  name: "count",
  description: "Counts.",
  arguments: {
    name: text({ description: "A name." }),
    least: integer({ description: "From how many.", default: 1 }),
    key: text({ description: "A key.", optional: true, sensitive: true }),
  },
  invoke: (_call, { name, least, key }) => ({ name, count: least + 1, key }),
});
const host = new ScriptedCloud();
const details = { host, config: null, name: "" };

test("a function is given checked arguments and answers with data", () => {
  const shelf = plugin({ name: "shelf", version: "1.0.0", description: "", resources: [], functions: [count] });
  assert.deepEqual(shelf.invoke("count", details, { name: "a", key: null }), { name: "a", count: 2 });
  assert.throws(
    () => shelf.invoke("count", details, { least: "many", nmae: "a" }),
    (error: Failure) => {
      assert.deepEqual(error.diagnostics.map((found) => found.at).sort(), [["least"], ["name"], ["nmae"]]);
      return true;
    },
  );
  assert.throws(() => shelf.invoke("count", details, { name: UNKNOWN }), /not known yet/);
  assert.throws(() => shelf.invoke("cuont", details, {}), { disposition: "unsupported" });
  const later = pluginFunction({
    name: "later",
    description: "Late.",
    arguments: {},
    invoke: () => Promise.resolve(1),
  });
  assert.throws(() => later.invoke(details, {}), /never asynchronous/);
});

test("a component or function that lacks something, or is there twice, is an error where it is declared", () => {
  const nothing = { type: "Stack", description: "", attributes } as unknown as Parameters<typeof component>[0];
  assert.throws(() => component(nothing), /is no type name; .*its description is missing; `construct` is missing/);
  const output = { ...count, name: "", description: "", arguments: { id: text({ description: "A.", output: true }) } };
  assert.throws(
    () => pluginFunction(output as never),
    /its name is missing; .*`invoke` is missing; `id` is an argument, and cannot be set by the provider/,
  );
  const about = { name: "shelf", version: "1.0.0", description: "", resources: [] };
  assert.throws(() => plugin({ ...about, components: [stack, stack] }), /type `shelf:store:Stack` is defined twice/);
  assert.throws(() => plugin({ ...about, functions: [count, count] }), /function `count` is defined twice/);
  assert.throws(() => plugin({ ...about, name: "other", components: [stack] }), /does not begin with `other:`/);
  const shelf = plugin({ ...about, components: [stack], functions: [count], metadata: ["owner"], declares: ["other"] });
  const { component_types, functions, metadata, declares } = shelf.manifest() as Record<string, unknown>;
  assert.deepEqual(
    [component_types, functions, metadata, declares],
    [["shelf:store:Stack"], ["count"], ["owner"], ["other"]],
  );
  assert.throws(() => shelf.component("shelf:store:Box"), /no component type `shelf:store:Box`/);
});
