/** Checks as their author tests them, the documents that all SDKs read alike, and the exports of the component. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { DefinitionError } from "../source/attributes.ts";
import { Document, Finding, Sample, checks, deny, warn } from "../source/checks.ts";
import type { Json, Resource } from "../source/checks.ts";
import { exportsOf } from "../source/checks_guest.ts";
import { Failure } from "../source/failure.ts";

const acme = checks({
  name: "acme-checks",
  version: "1.2.3",
  description: "What Acme asks of every stack",
  checks: {
    *owner(document) {
      for (const bucket of document.ofType("aws:s3:Bucket")) {
        if (bucket.metadata("owner") === undefined) yield deny(`nobody owns ${bucket.name}`, { resource: bucket });
      }
    },
    *key(document) {
      for (const one of document.resources) {
        if (one.attribute("key") === undefined && !one.isUnknown("key")) yield warn(`${one.name} has no key`);
      }
    },
    drift: (document) => document.drift.map((one) => deny(`${one.name} drifted`)),
  },
});

test("a check is tested with a document made for it", () => {
  const plan = new Sample()
    .create("aws:s3:Bucket", "logs", { key: "k" })
    .create("aws:s3:Bucket", "owned")
    .metadata({ owner: "platform" })
    .unknown("key")
    .keep("aws:ec2:Vpc", "main")
    .update("aws:s3:Bucket", "changed", {}, { key: "k" })
    .metadata({ owner: "platform" })
    .delete("aws:s3:Bucket", "old");
  assert.deepEqual(acme.messages(plan.document()), ["nobody owns logs", "main has no key"]);
  const drift = new Sample()
    .drifted("aws:s3:Bucket", "logs", {}, { key: "x" })
    .drifted("aws:s3:Bucket", "gone", {})
    .document();
  assert.equal(drift.operation, "drift");
  assert.deepEqual(acme.messages(drift), ["logs drifted", "gone drifted"]);
});

test("definitions and findings that are none are refused", () => {
  const named = { name: "none", version: "0.1.0", description: "" };
  assert.throws(() => checks({ ...named, checks: {} }), DefinitionError);
  const odd = checks({ ...named, checks: { odd: () => ["text" as unknown as Finding] } });
  const plan = new Document({ resource_changes: [] });
  assert.throws(() => odd.judge(plan), /the check `odd` gives something other than findings/);
});

test("the exports of the component answer, and fail as the interface has it", () => {
  type Call = (...given: unknown[]) => string;
  const { plugin, compliance } = exportsOf(acme) as Record<"plugin" | "compliance", Record<string, Call>>;
  assert.equal((JSON.parse(plugin["describe"]!()) as { name: string }).name, "acme-checks");
  assert.deepEqual([compliance["frameworks"]!(), compliance["controlsFor"]!("a:b:C")], ["[]", "[]"]);
  const input = new Sample().create("aws:s3:Bucket", "logs", { key: "k" }).document().input;
  const asked = { format: 1, task: "check", package: "acme", input };
  const evaluate = (request: unknown): string => compliance["evaluate"]!(JSON.stringify(request));
  const answer = JSON.parse(evaluate(asked)) as { rules: string[]; findings: { message: string }[] };
  assert.deepEqual(answer.rules, ["owner", "key", "drift"]);
  assert.equal(answer.findings[0]?.message, "nobody owns logs");
  for (const [wrong, told] of [
    [{ ...asked, task: "evaluate" }, /was asked for something else/],
    [{ ...asked, format: 2 }, /the request has format 2, and this plugin reads 1/],
    [{ ...asked, input: {} }, /neither a plan/],
    [{ ...asked, input: undefined }, /neither a plan/],
    [[], /was asked for something else/],
  ] as const) {
    assert.throws(
      () => evaluate(wrong),
      (error: { tag: string; val: { summary: string }[] }) =>
        error.tag === "invalid" && told.test(error.val[0]!.summary),
    );
  }
});

interface Case {
  readonly name: string;
  readonly input: Json;
  readonly paths: readonly string[];
  readonly expected: unknown;
}

const file = new URL("../../conformance-cases/checks.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as { cases: Case[] };

function seen(resource: Resource, paths: readonly string[]): object {
  const attributes = paths.map((path) => [path, resource.attribute(path)] as const);
  return {
    address: resource.address,
    name: resource.name,
    type: resource.type,
    known_as: resource.knownAs,
    urn: resource.urn ?? null,
    id: resource.id ?? null,
    place: resource.place ?? null,
    owner: resource.metadata("owner") ?? null,
    action: resource.action,
    remains: resource.remains,
    is_a_bucket: resource.isA("aws:s3:Bucket") && resource.isA("aws_s3_bucket"),
    before: resource.before ?? null,
    attributes: Object.fromEntries(attributes.filter(([, value]) => value !== undefined)),
    unknown: paths.filter((path) => resource.isUnknown(path)),
    secret: paths.filter((path) => resource.isSecret(path)),
  };
}

function answer({ input, paths }: Case): unknown {
  let document: Document;
  try {
    document = new Document(input);
  } catch (error) {
    return { error: (error as Failure).message };
  }
  const shared = checks({
    name: "cases",
    version: "0.1.0",
    description: "",
    checks: {
      about: (shown) => shown.resources.map((resource) => deny("about it", { resource, attribute: "a.b" })),
      plain: () => [warn("plain", { details: { control: "SC-28" } })],
    },
  });
  return {
    operation: document.operation,
    project: document.project,
    stack: document.stack,
    changes: document.changes.map((one) => seen(one, paths)),
    drift: document.drift.map((one) => seen(one, paths)),
    resources: document.resources.map((one) => one.name),
    buckets: document.ofType("aws:s3:Bucket").map((one) => one.name),
    findings: shared.judge(document),
  };
}

for (const one of cases) {
  test(`a shared document is read as in Rust: ${one.name}`, () => {
    assert.deepEqual(answer(one), one.expected);
  });
}
