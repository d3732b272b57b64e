import assert from "node:assert/strict";
import { test } from "node:test";

import { utf8 } from "../source/bytes.ts";
import { checkInputs } from "../source/check.ts";
import { pathFrom, pathText } from "../source/diagnostics.ts";
import { complaint, sameText } from "../source/format.ts";
import { decode, encode } from "../source/nodes.ts";
import type { Node } from "../source/nodes.ts";
import type { ResourceSchema } from "../source/schema.ts";
import { Decimal, NotAValue, Secret, UNKNOWN, byCodePoint, sameValue, valueOf } from "../source/values.ts";
import type { Value } from "../source/values.ts";
import { fromJson, toJson } from "../source/values_json.ts";

const schema: ResourceSchema = {
  type: "shelf:store:Box",
  description: "A box.",
  identity: { format: "NAME" },
  attributes: {
    count: { kind: "integer" },
    text: { kind: "text", minimum_length: 2, maximum_length: 2 },
    labels: { kind: "map", values: { kind: "text" } },
    anything: { kind: "any" },
    code: { kind: "text", pattern: "a|b" },
  },
};

test("a table that points back, outside or too deep is refused", () => {
  const tables: Node[][] = [[{ tag: "list", val: [0] }], [{ tag: "secret", val: 0 }], [{ tag: "list", val: [5] }], []];
  for (const nodes of tables) assert.throws(() => decode(nodes), NotAValue);
  assert.throws(() => decode([{ tag: "odd" } as unknown as Node]), /no node of the kind odd/);
  let deep: Value = [];
  for (let depth = 0; depth < 70; depth += 1) deep = [deep];
  assert.throws(() => encode(deep), /nested deeper than 64/);
});

test("a whole number that JavaScript rounds is refused at its place, and never written", () => {
  const rounded = decode([
    { tag: "map", val: [{ key: "count", value: 1 }] },
    { tag: "integer", val: 9007199254740992 },
  ]);
  const [found] = checkInputs(schema, rounded).diagnostics;
  assert.deepEqual(found?.at, ["count"]);
  const large = (2n ** 60n) as unknown as Value;
  const inputs = { anything: { ids: [1, large], one: new Secret(large) }, text: large };
  assert.deepEqual(
    checkInputs(schema, inputs).diagnostics.map(({ at = [], summary }) => [pathText(at), summary]),
    [
      ["anything.ids[1]", "an integer near `1152921504606846976` is out of range"],
      ["anything.one", "the secret integer given is out of range"],
      ["text", "an integer near `1152921504606846976` is out of range"],
    ],
  );
  assert.match(found?.detail ?? "", /takes integers from -9007199254740991 to 9007199254740991/);
  for (const value of [2 ** 53, 2n ** 60n, Number.NaN, Infinity])
    assert.throws(() => valueOf({ a: [value] }), NotAValue);
  assert.throws(() => encode(rounded), NotAValue);
  assert.equal(valueOf(7n), 7);
  assert.throws(() => valueOf(new Date(0)), /a Date is no value/);
});

test("decimals keep their text, and are the same however they are written", () => {
  assert.deepEqual(encode(valueOf(1.5)), [{ tag: "number", val: "1.5" }]);
  assert.deepEqual(encode(decode([{ tag: "number", val: "1.50" }])), [{ tag: "number", val: "1.50" }]);
  for (const [one, other, same] of [
    ["1.50", "15e-1", true],
    ["-0.5", "0.5", false],
    ["1e400", "10e399", true],
    ["0.10", "0.1", true],
    ["1.5", "1.05", false],
  ] as const) {
    assert.equal(sameValue(new Decimal(one), new Decimal(other)), same, `${one} and ${other}`);
  }
  assert.throws(() => decode([{ tag: "number", val: "0x10" }]), NotAValue);
});

test("keys that every object inherits are keys like any other", () => {
  const labels = JSON.parse('{"__proto__": "a", "constructor": "b", "toString": "c"}') as object;
  const inputs = fromJson({ labels });
  assert.deepEqual(toJson(decode(encode(checkInputs(schema, inputs).inputs))), toJson(inputs));
  const odd = checkInputs(schema, fromJson(JSON.parse('{"constructor": 1, "__proto__": 2, "valueOf": 3}')));
  assert.deepEqual(odd.diagnostics.map((found) => found.summary).sort(), [
    "there is no attribute `__proto__`",
    "there is no attribute `constructor`",
    "there is no attribute `valueOf`",
  ]);
});

test("texts are counted and ordered by characters, not by the halves of them", () => {
  assert.deepEqual(checkInputs(schema, { text: "😀😀" }).diagnostics, []);
  assert.equal(["\u{1F600}", "\uFF00", "a"].sort(byCodePoint).join(""), "a\uFF00\u{1F600}");
  assert.deepEqual(encode("\uD800"), [{ tag: "text", val: "\uFFFD" }]);
  assert.deepEqual(utf8("\uD800"), utf8("\uFFFD"));
});

test("a pattern is that of the whole text", () => {
  for (const code of ["a", "b"]) assert.deepEqual(checkInputs(schema, { code }).diagnostics, []);
  for (const code of ["ab", "xa", "bx", ""]) {
    assert.deepEqual(checkInputs(schema, { code }).diagnostics, [
      { summary: `\`${code}\` has not the form wanted`, detail: "expected text that fits `a|b`", at: ["code"] },
    ]);
  }
});

test("the forms of texts", () => {
  const wrong = [
    ["ipv4-cidr", "10.0.0.1/16", /host bits set; use `10.0.0.0\/16`/],
    ["ipv4-cidr", "10.0.0.0", /an address and a prefix length/],
    ["ipv4-cidr", "10.0/16", /an address and a prefix length/],
    ["ipv4-cidr", "10.0.0.0/33", /an address and a prefix length/],
    ["ipv4-cidr", "2001:db8::/56", /expected an IPv4 block/],
    ["ipv6-cidr", "10.0.0.0/16", /expected an IPv6 block/],
    ["ipv6-cidr", "2001:db8::1/56", /host bits set; use `2001:db8::\/56`/],
    ["cidr", "x/8", /an address and a prefix length/],
    ["ipv4-address", "10.0.0.256", /four numbers/],
    ["ipv4-address", "010.0.0.1", /four numbers/],
    ["base64", "YQ", /with padding/],
    ["base64", "Y Q=", /with padding/],
  ] as const;
  for (const [form, given, message] of wrong) assert.match(complaint(form, given), message, given);
  const right = [
    ["ipv4-cidr", "10.0.0.0/16"],
    ["ipv6-cidr", "2001:db8::/56"],
    ["cidr", "10.0.0.0/8"],
    ["ipv4-address", "10.0.0.1"],
    ["base64", "YQ=="],
    ["base64", ""],
    ["any", "x"],
  ] as const;
  for (const [form, given] of right) assert.equal(complaint(form, given), "", given);
  assert.ok(sameText("cidr", "2001:db8:0::/56", "2001:DB8::/56"));
  assert.ok(!sameText("cidr", "2001:db8::/56", "2001:db8::/57"));
  assert.ok(!sameText("any", "a", "A"));
});

test("paths are read as they are written", () => {
  for (const path of [["rules", 0, "port"], ["a b", 'c"d\\e'], ["tags", "x/y:z"], []]) {
    assert.deepEqual(pathFrom(pathText(path)), path);
  }
  assert.equal(pathText(["rules", 0, "a b"]), 'rules[0]["a b"]');
});

test("a value that is unknown equals only itself", () => {
  assert.ok(sameValue(UNKNOWN, UNKNOWN));
  assert.ok(!sameValue(UNKNOWN, null));
  assert.ok(!sameValue(true, 1));
});
