import assert from "node:assert/strict";
import { test } from "node:test";

import { Lifecycle, ScriptedCloud } from "@konductor/sdk/testing";

import plugin from "../src/plugin.ts";

const PATH = "/v1/buckets/shelf";

function bucket(owner: string, last_modified: number): object {
  return { data: { id: "shelf", owner, last_modified } };
}

test("a bucket is made, changed and deleted", () => {
  const cloud = new ScriptedCloud(
    { method: "PUT", path: PATH, status: 201, json: bucket("me", 1) },
    { method: "PATCH", path: PATH, body: { data: { owner: "you" } }, json: bucket("you", 2) },
    { method: "DELETE", path: PATH },
  );
  const shelf = new Lifecycle(plugin, "{{name}}:store:Bucket", cloud);
  shelf.apply({ name: "shelf", owner: "me" });
  assert.equal(shelf.attributes["last_modified"], 1);
  assert.deepEqual(shelf.apply({ name: "shelf", owner: "me" }).changes, []);
  shelf.apply({ name: "shelf", owner: "you" });
  assert.equal(shelf.attributes["owner"], "you");
  shelf.delete();
  cloud.finish();
  assert.deepEqual(new Map(cloud.received[0]?.headers).get("if-none-match"), "*");
});

test("every page of the list is asked for, by its token alone", () => {
  const next = { "next-page": "http://elsewhere/v1/buckets?_limit=100&_token=a%2Fb" };
  const cloud = new ScriptedCloud(
    {
      method: "GET",
      path: "/v1/buckets",
      query: { _limit: "100" },
      json: { data: [{ id: "one", last_modified: 1 }] },
      headers: next,
    },
    {
      method: "GET",
      path: "/v1/buckets",
      query: { _limit: "100", _token: "a/b" },
      json: { data: [{ id: "two", last_modified: 2 }] },
    },
  );
  const buckets = new Lifecycle(plugin, "{{name}}:store:Bucket", cloud).list();
  assert.deepEqual(
    buckets.map((found) => found.id),
    ["one", "two"],
  );
  cloud.finish();
});
