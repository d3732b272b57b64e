/** The exports of the component, with functions in place of the host's. */

import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";

import {
  Failure,
  InProgress,
  Partial,
  Reference,
  Secret,
  component,
  integer,
  plugin,
  pluginFunction,
  resource,
  text,
} from "../source/index.ts";
import type { Answer, Call, Definition } from "../source/index.ts";
import { Deleted } from "../source/call.ts";
import { decode, encode } from "../source/nodes.ts";
import type { Node } from "../source/nodes.ts";
import type { Value } from "../source/values.ts";

type Function = (...given: unknown[]) => unknown;
type Part = Readonly<Record<string, Function>>;

const sent: Record<string, unknown>[] = [];
const logged: unknown[] = [];
const host = {
  cloud: {
    send(request: Record<string, unknown>): object {
      sent.push(request);
      if (request["path"] === "/slow") throw { tag: "timeout", val: "no answer in time" };
      return {
        status: 200,
        headers: [["content-type", "application/json"]],
        body: new TextEncoder().encode('{"a":1}'),
      };
    },
  },
  log: { write: (...line: unknown[]) => logged.push(line) },
  clock: { now: () => 946684800000 },
  random: { bytes: (length: number) => new Uint8Array(length).fill(7) },
};
(globalThis as unknown as { host: typeof host }).host = host;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith("konductor:")
      ? { url: specifier, format: "module", shortCircuit: true }
      : next(specifier, context),
  load(url, context, next) {
    const name = /^konductor:plugin\/(\w+)@0\.1\.0$/.exec(url)?.[1];
    if (name === undefined) return next(url, context);
    return { format: "module", source: `export default globalThis.host.${name}`, shortCircuit: true };
  },
});
const { exportsOf } = await import("../source/guest.ts");

const attributes = {
  name: text({ description: "Its name.", replaces: true }),
  key: text({ description: "A key.", optional: true, sensitive: true }),
  size: integer({ description: "Its size.", output: true }),
};
type Box = Definition<typeof attributes>;
const answer = (name: string): Answer<typeof attributes> => ({
  id: name,
  attributes: { name, size: 1 },
  private: Uint8Array.of(1),
});

function parts(difference: object = {}): { plugin: Part; provider: Part; operations: Part; module: Part } {
  const definition: Box = {
    type: "shelf:store:Box",
    description: "A box.",
    attributes,
    identity: { format: "NAME", attributes: ["name"] },
    create: (_call, { name, key }) => ({ id: name, attributes: { name, key, size: 1 } }),
    read: (_call, id) => (id === "gone" ? undefined : answer(id)),
    update: (_call, id) => answer(id),
    delete: () => undefined,
    list: () => [answer("a"), answer("b")],
    permissions: (operation) => [`boxes.${operation}`],
    ...difference,
  } as Box;
  const shelf = plugin({
    name: "shelf",
    version: "1.0.0",
    description: "Boxes",
    resources: [resource(definition)],
    configSchema: { type: "object" },
  });
  return exportsOf(shelf) as unknown as ReturnType<typeof parts>;
}

const KIND = { resourceType: "shelf:store:Box", name: "box" };
const stored = (id: string, attributes: Value = { name: id, size: 1 }): object => ({
  id,
  attributes: encode(attributes),
  private: Uint8Array.of(1),
  schemaVersion: 0,
});
const working = {
  ...KIND,
  inputs: encode({ name: "a" }),
  planned: encode({ name: "a" }),
  private: new Uint8Array(),
  idempotencyToken: "t",
};

/** Calls a function of a part, and returns what it answered or threw. */
function told(
  part: Part,
  name: string,
  ...given: unknown[]
): { answer?: unknown; error?: { tag: string; val: unknown } } {
  try {
    return { answer: part[name]?.(...given) };
  } catch (error) {
    return { error: error as { tag: string; val: unknown } };
  }
}

const values = (table: unknown): Value => decode(table as Node[]);

test("describe, schema, permissions and the module answer by the definition", () => {
  const { plugin: about, provider, module } = parts();
  assert.equal((JSON.parse(String(about["describe"]?.())) as { name: string }).name, "shelf");
  assert.equal(
    (JSON.parse(String(provider["schema"]?.(KIND.resourceType))) as { type: string }).type,
    KIND.resourceType,
  );
  assert.deepEqual(provider["requiredPermissions"]?.(KIND.resourceType, "read"), ["boxes.read"]);
  assert.deepEqual(provider["requiredPermissions"]?.("shelf:store:Other", "read"), []);
  assert.equal(module["configSchema"]?.("shelf"), '{"type":"object"}');
  assert.deepEqual(module["dependencies"]?.("shelf"), []);
  assert.equal(values(module["defaults"]?.("shelf")), null);
  const construct = module["construct"]?.({ target: "shelf" }) as { declarations: unknown; outputs: unknown };
  assert.deepEqual([construct.declarations, values(construct.outputs)], [[], {}]);
  assert.equal(told(module, "construct", { target: "other" }).error?.tag, "unsupported");
  assert.equal(told(provider, "schema", "shelf:store:Other").error?.tag, "unsupported");
});

test("check and plan answer with tables, places and kinds of change", () => {
  const { provider } = parts();
  const checked = provider["check"]?.({ ...KIND, inputs: encode({ name: "a", nmae: "b" }) }) as {
    diagnostics: unknown;
  };
  assert.deepEqual(checked.diagnostics, [
    {
      severity: "error",
      summary: "there is no attribute `nmae`",
      detail: "did you mean `name`?",
      at: [{ tag: "attribute", val: "nmae" }],
    },
  ]);
  const prior = stored("a");
  const plan = provider["plan"]?.({ ...KIND, prior, inputs: encode({ name: "b" }) }) as {
    planned: unknown;
    changes: unknown;
  };
  assert.deepEqual(plan.changes, [
    { at: [{ tag: "attribute", val: "name" }], kind: "update", requiresReplacement: true },
  ]);
  assert.ok((plan.planned as Node[]).some((node) => node.tag === "unknown"));
  assert.deepEqual(provider["upgradeState"]?.(KIND.resourceType, prior), prior);
});

test("a number that was rounded on its way in is told at its place, also where a text is wanted", () => {
  const inputs = [
    { tag: "map", val: [{ key: "name", value: 1 }] },
    { tag: "integer", val: 9007199254740992 },
  ];
  const checked = parts().provider["check"]?.({ ...KIND, inputs }) as {
    diagnostics: { at: unknown }[];
    inputs: unknown;
  };
  assert.deepEqual(
    checked.diagnostics.map((found) => found.at),
    [[{ tag: "attribute", val: "name" }]],
  );
  assert.deepEqual(checked.inputs, inputs);
  const attributes = [
    {
      tag: "map",
      val: [
        { key: "name", value: 1 },
        { key: "size", value: 2 },
      ],
    },
    { tag: "text", val: "a" },
    { tag: "integer", val: 9007199254740992 },
  ];
  const request = { ...KIND, prior: { ...stored("a"), attributes }, inputs: encode({ name: "a" }) };
  const { error } = told(parts().provider, "plan", request);
  assert.match((error?.val as { message: string }).message, /JavaScript rounds; give it as a text/);
});

test("every operation answers in the form of the interface", () => {
  const { operations } = parts();
  assert.deepEqual(operations["create"]?.(working), {
    tag: "complete",
    val: { id: "a", attributes: encode({ name: "a", size: 1 }), private: new Uint8Array(), schemaVersion: 0 },
  });
  assert.deepEqual(operations["read"]?.({ ...KIND, id: "a", prior: null }), stored("a"));
  assert.equal(operations["read"]?.({ ...KIND, id: "gone", prior: null }), null);
  assert.deepEqual(operations["update"]?.({ ...working, prior: stored("a") }), { tag: "complete", val: stored("a") });
  assert.deepEqual(operations["delete"]?.({ ...KIND, prior: stored("a"), idempotencyToken: "t" }), { tag: "complete" });
  assert.deepEqual(operations["list"]?.({ ...KIND, filter: encode(null), cursor: null }), {
    objects: [stored("a"), stored("b")],
    nextCursor: null,
  });
  assert.deepEqual(operations["import"]?.(KIND.resourceType, "box", "a"), {
    object: stored("a"),
    inputs: encode({ name: "a" }),
  });
  assert.equal(told(operations, "import", KIND.resourceType, "box", "gone").error?.tag, "not-found");
  assert.equal(told(operations, "invoke", "look_up", encode({})).error?.tag, "unsupported");
  const many = operations["readMany"]?.([
    { ...KIND, id: "a", prior: null },
    { ...KIND, id: "gone", prior: null },
    { ...KIND, resourceType: "x", id: "a", prior: null },
  ]);
  assert.deepEqual(
    (many as { tag: string; val: unknown }[]).map(({ tag }) => tag),
    ["ok", "ok", "err"],
  );
});

test("many objects are read as the type says, and each tells what came of it", () => {
  const reads = ["a", "gone", "broken", "missing"].map((id) => ({
    ...KIND,
    id,
    prior: id === "a" ? stored("a") : null,
  }));
  const seen: unknown[] = [];
  const { operations, provider } = parts({
    readMany: (_call: Call, readings: readonly { id: string; name: string; prior: unknown }[]) =>
      readings.map(({ id, name, prior }) => {
        seen.push([id, name, prior !== undefined]);
        if (id === "broken") return new Failure("throttled", "slowly");
        if (id === "missing") return new Failure("not-found", "404");
        return id === "gone" ? undefined : { id, attributes: { name: id, size: 1 } };
      }),
  });
  assert.deepEqual(operations["readMany"]?.(reads), [
    { tag: "ok", val: stored("a") },
    { tag: "ok", val: null },
    {
      tag: "err",
      val: {
        tag: "throttled",
        val: { code: "", message: "slowly", httpStatus: null, requestId: null, at: null, details: [] },
      },
    },
    { tag: "ok", val: null },
  ]);
  assert.deepEqual(seen, [
    ["a", "box", true],
    ["gone", "box", false],
    ["broken", "box", false],
    ["missing", "box", false],
  ]);
  const says = (one: Part): unknown =>
    (JSON.parse(String(one["schema"]?.(KIND.resourceType))) as { batch_read?: boolean }).batch_read;
  assert.deepEqual([says(provider), says(parts().provider)], [true, undefined]);
  assert.deepEqual(operations["readMany"]?.([]), []);
  // One by one, a mistake ends one read, not all.
  const alone = parts({
    read: (_call: Call, id: string) => {
      if (id === "gone") throw new TypeError("oops");
      return answer(id);
    },
  }).operations["readMany"]?.(reads) as { tag: string }[];
  assert.deepEqual(
    alone.map(({ tag }) => tag),
    ["ok", "err", "ok", "ok"],
  );
  const short = told(parts({ readMany: () => [] }).operations, "readMany", reads);
  assert.match(JSON.stringify(short.error), /answered 0 of 4 reads/);
});

test("a component and a function are called with tables and answer with them", () => {
  const outer = new Reference("./outer", ["id", 0]);
  const attributes = {
    name: text({ description: "Its name." }),
    id: text({ description: "Its number.", output: true }),
  };
  const shelf = plugin({
    name: "shelf",
    version: "1.0.0",
    description: "Boxes",
    resources: [],
    components: [
      component({
        type: "shelf:store:Stack",
        description: "Boxes in a box.",
        attributes,
        construct: (construction, { name }) => {
          const owner = String(construction.metadata["owner"]);
          const box = construction.declare("outer", "other:store:Box", { name, owner }, { protect: true });
          return { id: box.at("id", 0) };
        },
      }),
    ],
    functions: [
      pluginFunction({
        name: "doubled",
        description: "Says a text twice.",
        arguments: { text: text({ description: "The text." }) },
        invoke: (call, given) => ({ text: given.text + given.text, config: call.config }),
      }),
    ],
  });
  const { provider, operations, module } = exportsOf(shelf) as unknown as ReturnType<typeof parts>;
  const request = {
    target: "shelf:store:Stack",
    name: "boxes",
    inputs: encode({ name: new Reference("there", ["label"]) }),
    metadata: encode({ owner: "me" }),
  };
  assert.deepEqual(module["construct"]?.(request), {
    declarations: [
      {
        name: "outer",
        typeName: "other:store:Box",
        properties: encode({ name: new Reference("there", ["label"]), owner: "me" }),
        options: encode({ protect: true }),
      },
    ],
    outputs: encode({ id: outer }),
    diagnostics: [],
  });
  const wrong = module["construct"]?.({ ...request, inputs: encode({}) }) as { diagnostics: { summary: string }[] };
  assert.equal(wrong.diagnostics[0]?.summary, "`name` is missing");
  assert.equal(told(module, "construct", { ...request, target: "shelf:store:Nook" }).error?.tag, "unsupported");
  assert.match(String(provider["schema"]?.("shelf:store:Stack")), /"kind":"component"/);
  const checked = provider["check"]?.({ resourceType: "shelf:store:Stack", inputs: encode({ nmae: "a" }) });
  assert.equal((checked as { diagnostics: unknown[] }).diagnostics.length, 2);

  operations["configure"]?.(encode({ region: "here" }));
  const answered = operations["invoke"]?.("doubled", encode({ text: "ab" }));
  assert.deepEqual(values(answered), { text: "abab", config: { region: "here" } });
  const refused = told(operations, "invoke", "doubled", encode({ txet: "ab" })).error;
  assert.equal(refused?.tag, "invalid");
  assert.equal((refused?.val as unknown[]).length, 2);
});

test("what is under way, unfinished or deleted is told as such, and its handle comes back", () => {
  const waiting = new InProgress({ handle: { job: 7 }, message: "1 of 2", retryAfterMilliseconds: 50, id: "a" });
  let asked: unknown;
  const { operations } = parts({
    create: () => waiting,
    update: () =>
      new Partial(
        answer("a"),
        new Failure("quota", "full", { code: "Q", httpStatus: 507, requestId: "r", details: { left: "0" } }),
      ),
    delete: () => waiting,
    poll: (_call: Call, handle: unknown) => {
      asked = handle;
      return new Deleted();
    },
  });
  const val = { handle: new TextEncoder().encode('{"job":7}'), retryAfterMilliseconds: 50, id: "a", message: "1 of 2" };
  assert.deepEqual(operations["create"]?.(working), { tag: "in-progress", val });
  assert.deepEqual(operations["delete"]?.({ ...KIND, prior: stored("a"), idempotencyToken: "t" }), {
    tag: "in-progress",
    val,
  });
  assert.deepEqual(operations["poll"]?.({ ...KIND, operation: "delete", handle: val.handle, planned: encode(null) }), {
    tag: "deleted",
  });
  assert.deepEqual(asked, { job: 7 });
  assert.match(
    JSON.stringify(told(operations, "poll", { ...KIND, handle: Uint8Array.of(1), planned: encode(null) })),
    /not made by this plugin/,
  );
  assert.deepEqual(operations["update"]?.({ ...working, prior: stored("a") }), {
    tag: "partial",
    val: {
      object: stored("a"),
      reason: {
        tag: "quota",
        val: { code: "Q", message: "full", httpStatus: 507, requestId: "r", at: null, details: [["left", "0"]] },
      },
    },
  });
});

test("a call reaches the host, and knows its configuration, token and prior object", () => {
  let seen: unknown;
  const { operations } = parts({
    update: (call: Call<typeof attributes>, id: string) => {
      const document = call.endpoint("api").get("/fast", { query: { page: "1" } });
      call.log("info", "done", { id });
      const { config, name, idempotencyToken, prior } = call;
      seen = {
        document,
        config,
        name,
        idempotencyToken,
        prior: prior?.attributes,
        now: call.now(),
        random: call.random(2),
      };
      return answer(id);
    },
  });
  operations["configure"]?.(encode({ region: "here" }));
  operations["update"]?.({ ...working, prior: stored("a", { name: new Secret("ksealed-1"), size: 1 }) });
  assert.deepEqual(seen, {
    document: { a: 1 },
    config: { region: "here" },
    name: "box",
    idempotencyToken: "t",
    prior: { name: "ksealed-1", size: 1 },
    now: 946684800000,
    random: Uint8Array.of(7, 7),
  });
  assert.deepEqual(sent.at(-1), {
    endpoint: "api",
    region: null,
    method: "GET",
    path: "/fast",
    query: [["page", "1"]],
    headers: [["accept", "application/json"]],
    body: new Uint8Array(),
    idempotent: true,
  });
  assert.deepEqual(logged, [["info", "done", [["id", "a"]]]]);
});

test("failures, refusals of the host and mistakes of the plugin end the call with what they are", () => {
  const thrown = (create: (call: Call) => unknown): unknown =>
    told(parts({ create }).operations, "create", working).error;
  const slow = thrown((call) => call.endpoint("api").get("/slow")) as { tag: string; val: { message: string } };
  assert.deepEqual([slow.tag, slow.val.message], ["unavailable", "no answer in time"]);
  const invalid = thrown(() => {
    throw new Failure("invalid", "wrong", { at: ["name"] });
  });
  assert.deepEqual(invalid, {
    tag: "invalid",
    val: [{ severity: "error", summary: "wrong", detail: "", at: [{ tag: "attribute", val: "name" }] }],
  });
  const mistake = thrown(() => (undefined as unknown as string[]).length) as {
    tag: string;
    val: { message: string; details: string[][] };
  };
  assert.equal(mistake.tag, "other");
  assert.match(mistake.val.message, /^a mistake in the plugin: TypeError: /);
  assert.match(mistake.val.details[0]?.[1] ?? "", /guest\.test\.ts/);
  const odd = thrown(() => ({ id: "a", attributes: { name: "a", size: 2 ** 60 } })) as { val: { message: string } };
  assert.match(odd.val.message, /^1152921504606847000 is a whole number .* JavaScript rounds; give it as a text$/);
});
