/** What is done around a type's own functions. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Failure,
  InProgress,
  Partial,
  Secret,
  UNKNOWN,
  integer,
  json,
  list,
  number,
  object,
  plugin,
  resource,
  text,
  upgrade,
} from "../source/index.ts";
import type { Answer, Definition, Outcome, Plugin } from "../source/index.ts";
import { Deleted } from "../source/call.ts";
import { pathText } from "../source/diagnostics.ts";
import { Lifecycle, ScriptError, ScriptedCloud } from "../source/testing.ts";

const attributes = {
  name: text({ description: "Its name.", replaces: true }),
  size: number({ description: "Its size.", optional: true }),
  key: text({ description: "A key.", optional: true, sensitive: true, writeOnly: true }),
  tags: list({ description: "Tags.", optional: true, unordered: true, items: text({ description: "A tag." }) }),
  settings: json({ description: "Settings.", optional: true }),
  place: object({
    description: "Where it is.",
    optional: true,
    attributes: { room: text({ description: "The room." }) },
  }),
  revision: integer({ description: "Counts its changes.", output: true, volatile: true }),
};

type Box = Definition<typeof attributes>;

function boxes(difference: object = {}): Plugin {
  const definition = {
    type: "shelf:store:Box",
    description: "A box.",
    attributes,
    identity: { format: "NAME", attributes: ["name"] },
    create: (_call, inputs) => ({ id: inputs.name, attributes: { ...inputs, revision: 1 } }),
    read: () => undefined,
    update: (_call, id, inputs) => ({ id, attributes: { ...inputs, revision: 2 } }),
    delete: () => undefined,
    ...difference,
  } satisfies Box;
  return plugin({
    name: "shelf",
    version: "1.0.0",
    description: "Boxes",
    resources: [resource(definition as unknown as Box)],
  });
}

function life(difference: object = {}): Lifecycle {
  return new Lifecycle(boxes(difference), "shelf:store:Box", new ScriptedCloud());
}

const failing = (disposition: "not-found" | "denied") => () => {
  throw new Failure(disposition, "told");
};

test("an object is made, changed, replaced and deleted, and what was planned is what came", () => {
  const box = life();
  assert.deepEqual(box.plan({ name: "a" }).planned, { name: "a", revision: UNKNOWN });
  box.apply({ name: "a", size: 1.5, tags: ["x", "y"] });
  assert.equal(box.attributes["revision"], 1);
  assert.deepEqual(box.apply({ name: "a", size: 1.5, tags: ["y", "x"] }).changes, []);
  const plan = box.apply({ name: "a", size: 2.5 });
  assert.deepEqual(
    plan.changes.map(({ at, kind }) => [pathText(at), kind]),
    [
      ["size", "update"],
      ["tags", "delete"],
    ],
  );
  assert.equal(box.attributes["revision"], 2);
  const replaced = box.apply({ name: "b", size: 2.5 });
  assert.equal(replaced.changes[0]?.requiresReplacement, true);
  assert.equal(box.attributes["revision"], 1);
  box.delete();
  assert.equal(box.object, undefined);
});

test("the author sees declared types, and a secret only where it is declared", () => {
  let seen: Record<string, unknown> = {};
  const box = life({
    create: (_: unknown, inputs: Record<string, unknown> & { name: string }): Answer<typeof attributes> => {
      seen = inputs;
      return { id: inputs.name, attributes: { ...inputs, name: inputs.name, revision: 1 } };
    },
  });
  box.apply({ name: new Secret("ksealed-1"), size: 1.5, key: "planted", settings: { depth: 0.5 } });
  assert.equal(seen["name"], "ksealed-1");
  assert.equal(seen["size"], 1.5);
  assert.deepEqual(seen["settings"], { depth: 0.5 });
  assert.ok(seen["key"] instanceof Secret);
  assert.ok(box.attributes["name"] instanceof Secret, "what the operator made secret stays so");
  assert.ok(box.attributes["key"] instanceof Secret);
});

test("an answer keeps the spelling that was given, where it means the same", () => {
  const box = life({
    create: (): Answer<typeof attributes> => ({
      id: "a",
      attributes: { name: "a", tags: ["y", "x"], settings: '{"b":2,"a":1}', size: null, revision: 1 },
    }),
  });
  box.apply({ name: "a", tags: ["x", "y"], settings: '{ "a": 1, "b": 2 }' });
  assert.deepEqual(box.attributes["tags"], ["x", "y"]);
  assert.equal(box.attributes["settings"], '{ "a": 1, "b": 2 }');
});

test("what is gone is read as gone, and its deletion is a success; any other failure is one", () => {
  const gone = life({ read: failing("not-found"), delete: failing("not-found") });
  gone.apply({ name: "a" });
  assert.equal(gone.read(), undefined);
  assert.throws(() => gone.import("a"), /there is no shelf:store:Box `a`/);
  gone.delete();
  const denied = life({ read: failing("denied"), delete: failing("denied") });
  denied.apply({ name: "a" });
  assert.throws(() => denied.read(), { disposition: "denied" });
  assert.throws(() => denied.delete(), { disposition: "denied" });
});

test("reading keeps the private bytes that an answer leaves out", () => {
  const bytes = Uint8Array.of(1, 2);
  const answer = { id: "a", attributes: { name: "a", revision: 1 } };
  const box = life({ create: () => ({ ...answer, private: bytes }), read: () => answer });
  box.apply({ name: "a" });
  assert.deepEqual(box.read()?.private, bytes);
});

test("a secret that the API answers with is marked, also where nobody gave it", () => {
  const box = life({
    read: (_: unknown, id: string): Answer<typeof attributes> => ({
      id,
      attributes: { name: id, key: "planted", revision: 7 },
    }),
  });
  box.import("a");
  assert.ok(box.attributes["key"] instanceof Secret);
});

test("an import plans to no change", () => {
  const box = life({
    read: (_: unknown, id: string): Answer<typeof attributes> => ({
      id,
      attributes: { name: id, size: 3, place: { room: "2" }, revision: 7 },
    }),
  });
  box.import("a");
  assert.deepEqual(box.attributes, { name: "a", size: 3, place: { room: "2" }, revision: 7 });
});

test("a long operation, an unfinished one and a polled deletion go through", () => {
  const waiting = new InProgress({ handle: { job: 1 }, message: "1 of 2" });
  const type = boxes({
    create: () => waiting,
    update: (): Outcome<typeof attributes> =>
      new Partial({ id: "a", attributes: { name: "a", revision: 1 } }, new Failure("quota", "full")),
    delete: () => waiting,
    poll: (_: unknown, handle: unknown) => ((handle as { job: number }).job === 1 ? new Deleted() : waiting),
  }).resource("shelf:store:Box");
  const details = { host: new ScriptedCloud(), config: null, name: "box" };
  assert.equal(type.create(details, { name: "a" }), waiting);
  const partial = type.update(details, "a", { name: "a" });
  assert.ok("reason" in partial && partial.object.id === "a" && partial.reason.disposition === "quota");
  assert.equal(type.delete(details, "a"), waiting);
  assert.ok(type.poll(details, { job: 1 }) instanceof Deleted);
  assert.throws(() => boxes().resource("shelf:store:Box").poll(details, 1), /has no long operations/);
  assert.throws(() => boxes().resource("shelf:store:Box").list(details), /cannot be listed/);
});

test("an asynchronous function is told as what it is", () => {
  const box = life({ create: async () => ({ id: "a", attributes: {} }) });
  assert.throws(
    () => box.apply({ name: "a" }),
    /`create` answered with a promise, and calls .* are never asynchronous/,
  );
  const odd = life({ delete: async () => undefined });
  odd.apply({ name: "a" });
  assert.throws(() => odd.delete(), /`delete` answered with a promise/);
});

test("an author's own check is given what is right so far, and adds to what was found", () => {
  let seen: unknown;
  const type = boxes({
    check: (inputs: object) => {
      seen = inputs;
      return [{ summary: "too heavy", at: ["size"] }];
    },
  }).resource("shelf:store:Box");
  const { diagnostics } = type.check({ name: ["x"], size: UNKNOWN, place: { room: "1" }, odd: 1 });
  assert.deepEqual(seen, { size: UNKNOWN, place: { room: "1" } });
  assert.deepEqual(
    diagnostics.map((found) => [pathText(found.at ?? []), found.summary]),
    [
      ["name", "expected text, found list"],
      ["odd", "there is no attribute `odd`"],
      ["size", "too heavy"],
    ],
  );
});

const older = {
  title: text({ description: "Its name." }),
  code: text({ description: "A key.", optional: true, sensitive: true }),
};

test("an object of an older version is rewritten, and what was secret stays so wherever it goes", () => {
  const type = boxes({
    version: 2,
    upgrades: {
      0: upgrade(older, (old): object => ({ name: old.title, settings: { old: old.code?.reveal() }, revision: 0 })),
      1: upgrade(attributes, (old) => old),
    },
  }).resource("shelf:store:Box");
  const stored = {
    id: "a",
    private: new Uint8Array(),
    schemaVersion: 0,
    attributes: { title: "a", code: new Secret("planted") },
  };
  const upgraded = type.upgrade(stored);
  assert.equal(upgraded.schemaVersion, 2);
  assert.ok(!JSON.stringify(upgraded.attributes).includes("planted"));
  assert.deepEqual(JSON.parse(JSON.stringify(upgraded.attributes)), {
    name: "a",
    settings: { old: "(secret)" },
    revision: 0,
  });
  assert.equal(type.upgrade(upgraded), upgraded);
  assert.throws(() => type.upgrade({ ...stored, schemaVersion: 3 }), /written by a newer plugin .*: use that plugin/);
});

test("an attribute that was renamed is taken under both names, and moves in what is recorded", () => {
  const renamed = { ...attributes, name: text({ description: "Its name.", renamedFrom: "title" }) };
  const type = boxes({ attributes: renamed, version: 1 }).resource("shelf:store:Box");
  const stored = { id: "a", private: new Uint8Array(), schemaVersion: 0, attributes: { title: "a", revision: 1 } };
  assert.deepEqual(type.upgrade(stored).attributes, { name: "a", revision: 1 });
  const { inputs, diagnostics } = type.check({ title: "a" });
  assert.deepEqual(inputs, { name: "a" });
  assert.deepEqual(diagnostics, [
    { summary: "`title` is called `name` now", help: "write `name`", at: ["title"], severity: "warning" },
  ]);
  assert.match(type.check({ title: "a", name: "b" }).diagnostics[0]?.summary ?? "", /former name of `name`/);
});

test("the steps of a life fail where the host would", () => {
  assert.throws(
    () => life().apply({ nmae: "a" }),
    /the inputs are wrong: nmae: there is no attribute `nmae`; name: `name` is missing/,
  );
  const drifting = life({
    create: (): Answer<typeof attributes> => ({ id: "a", attributes: { name: "b", revision: 1 } }),
  });
  assert.throws(() => drifting.apply({ name: "a" }), new ScriptError("a second plan finds changes: name"));
  assert.throws(() => life().read(), /there is no object yet/);
});
