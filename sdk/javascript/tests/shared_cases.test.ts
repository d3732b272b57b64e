/** The cases that the SDKs of all languages must answer alike. The Rust SDK's own test checks the same file. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { checkInputs } from "../source/check.ts";
import { pathText } from "../source/diagnostics.ts";
import { normalise } from "../source/equality.ts";
import { decode, encode } from "../source/nodes.ts";
import type { MapEntry } from "../source/nodes.ts";
import { planObject } from "../source/plan.ts";
import type { ResourceSchema } from "../source/schema.ts";
import { reveal } from "../source/values.ts";
import type { ValueMap } from "../source/values.ts";
import { fromJson, toJson } from "../source/values_json.ts";

interface Case {
  readonly name: string;
  readonly expected: unknown;
  readonly check?: unknown;
  readonly plan?: { readonly prior: unknown; readonly inputs: unknown };
  readonly normalise?: { readonly actual: unknown; readonly expected: unknown };
}

const file = new URL("../../conformance-cases/plan-and-check.json", import.meta.url);
const { schema, cases } = JSON.parse(readFileSync(file, "utf8")) as { schema: ResourceSchema; cases: Case[] };

function answer(one: Case): unknown {
  if (one.normalise !== undefined) {
    return toJson(normalise(schema, fromJson(one.normalise.actual), fromJson(one.normalise.expected)));
  }
  if (one.plan !== undefined) {
    const prior = reveal(fromJson(one.plan.prior));
    const plan = planObject(schema, (prior as ValueMap | null) ?? undefined, fromJson(one.plan.inputs));
    const changes = plan.changes.map((change) => ({
      at: pathText(change.at),
      kind: change.kind,
      requires_replacement: change.requiresReplacement,
    }));
    return { planned: toJson(plan.planned), changes };
  }
  const { inputs, diagnostics } = checkInputs(schema, fromJson(one.check));
  const told = diagnostics.map((found) => ({
    severity: found.severity ?? "error",
    summary: found.summary,
    help: found.help ?? null,
    at: pathText(found.at ?? []) || null,
  }));
  return { inputs: toJson(inputs), diagnostics: told };
}

test("there are as many cases as the other languages answer", () => {
  assert.equal(cases.length, 59);
});

for (const one of cases) {
  test(`a shared case is answered as in Rust: ${one.name}`, () => {
    assert.deepEqual(answer(one), one.expected);
  });
}

test("values survive the table of nodes", () => {
  for (const { check, plan, normalise: drift } of cases) {
    const value = fromJson(JSON.parse(JSON.stringify({ check, plan, drift })));
    const nodes = encode(value);
    assert.deepEqual(toJson(decode(nodes)), toJson(value));
    nodes.forEach(({ tag, val }, index) => {
      const children =
        tag === "list" ? (val as number[]) : tag === "map" ? (val as readonly MapEntry[]).map((one) => one.value) : [];
      for (const child of children) assert.ok(child > index);
    });
  }
});
