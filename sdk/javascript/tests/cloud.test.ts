import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Endpoint,
  Failure,
  Response,
  Secret,
  SendError,
  UNKNOWN,
  dispositionOf,
  nextLink,
  pathOf,
  plain,
  utf8,
} from "../source/index.ts";
import { ScriptError, ScriptedCloud } from "../source/testing.ts";

test("an error says what to do, and what the API said", () => {
  const meanings = [
    [404, "not-found"],
    [410, "not-found"],
    [401, "denied"],
    [403, "denied"],
    [409, "conflict"],
    [412, "conflict"],
    [429, "throttled"],
    [500, "unavailable"],
    [503, "unavailable"],
    [507, "quota"],
    [405, "unsupported"],
    [422, "invalid"],
    [600, "other"],
  ] as const;
  for (const [status, disposition] of meanings) {
    const answer = { status, json: { message: "told", code: 7 }, headers: { "X-Request-Id": "r1" } };
    const cloud = new ScriptedCloud({ method: "GET", path: "/a", ...answer });
    assert.throws(() => new Endpoint(cloud, "api").get("/a"), {
      disposition,
      message: `GET /a: ${status} told`,
      code: "7",
      httpStatus: status,
      requestId: "r1",
    });
    assert.equal(dispositionOf(status), disposition);
  }
});

test("an API can give an error a meaning of its own", () => {
  const cloud = new ScriptedCloud({ method: "PUT", path: "/a", status: 400, json: { error: "exists" } });
  const api = new Endpoint(cloud, "api", {
    disposition: (response) => (response.text().includes("exists") ? "already-exists" : undefined),
  });
  assert.throws(() => api.send("PUT", "/a"), { disposition: "already-exists", message: "PUT /a: 400 exists" });
});

test("no answer is a failure by its kind", () => {
  const kinds = [
    ["timeout", "unavailable"],
    ["connection", "unavailable"],
    ["denied", "denied"],
    ["no-credentials", "denied"],
    ["too-large", "other"],
  ] as const;
  for (const [kind, disposition] of kinds) {
    const cloud = new ScriptedCloud({ method: "GET", path: "/a", error: new SendError(kind, "why") });
    assert.throws(() => new Endpoint(cloud, "api").find("/a"), { disposition, message: "why" });
  }
});

test("what is not there is found as nothing, and what is no JSON is told", () => {
  const cloud = new ScriptedCloud({ method: "GET", path: "/a", status: 404 });
  assert.equal(new Endpoint(cloud, "api").find("/a"), undefined);
  assert.equal(new Response(204).json(), undefined);
  assert.throws(() => new Response(200, [], utf8("<p>")).json(), /the answer is not JSON/);
  assert.throws(() => new Response(200, [], Uint8Array.of(0xff)).json(), /it is not UTF-8/);
  assert.deepEqual(new Response(200, [], utf8('{"id":9007199254740993}')).json(), { id: 9007199254740993n });
});

test("a request carries JSON, the endpoint's headers, and whether it may be sent twice", () => {
  const cloud = new ScriptedCloud(
    { method: "POST", path: "/a", query: { page: "1" }, body: { key: "ksealed-1", size: 1.5 } },
    { method: "DELETE", path: "/a" },
  );
  const api = new Endpoint(cloud, "api", { headers: { "x-version": "2" } });
  api.send("POST", "/a", { query: { page: "1" }, body: { key: new Secret("ksealed-1"), size: 1.5 } });
  api.send("DELETE", "/a", { headers: { accept: "text/plain" } });
  cloud.finish();
  const [first, second] = cloud.received;
  assert.deepEqual(Object.fromEntries(first?.headers ?? []), {
    "content-type": "application/json",
    accept: "application/json",
    "x-version": "2",
  });
  assert.deepEqual(Object.fromEntries(second?.headers ?? []), { accept: "text/plain", "x-version": "2" });
  assert.deepEqual([first?.idempotent, second?.idempotent], [false, true]);
  assert.throws(() => plain([UNKNOWN]), Failure);
});

test("pages are followed to the last, and a circle ends", () => {
  const following = (response: Response): { path: string; query: Record<string, string> } | undefined => {
    const page = nextLink(response, "page");
    return page === undefined ? undefined : { path: "/a", query: { page } };
  };
  const link = (page: string): Record<string, string> => ({
    Link: `<https://elsewhere/a?x=1&page=1>; rel="prev", <https://elsewhere/a?page=${page}>; rel="next"`,
  });
  const cloud = new ScriptedCloud(
    { method: "GET", path: "/a", json: [1], headers: link("b%20c") },
    { method: "GET", path: "/a", query: { page: "b c" }, json: [2] },
  );
  assert.deepEqual([...new Endpoint(cloud, "api").pages("/a", { following })], [[1], [2]]);
  const circle = { method: "GET", path: "/a", json: [1], headers: link("2") };
  const endless = new ScriptedCloud(circle, circle, circle);
  assert.throws(
    () => [...new Endpoint(endless, "api").pages("/a", { following })],
    /the pages of \/a go round in a circle/,
  );
});

test("a name cannot lead out of its path", () => {
  assert.equal(pathOf("v1", "a/b c", "it's!"), "/v1/a%2Fb%20c/it%27s%21");
  for (const name of ["..", ".", ""]) assert.throws(() => pathOf("v1", name), { disposition: "invalid" });
});

test("a script fails on what it does not expect, and on what did not come", () => {
  const asked = (expected: object): (() => unknown) => {
    const cloud = new ScriptedCloud({ method: "PUT", path: "/a", ...expected });
    return () => new Endpoint(cloud, "api").send("PUT", "/a", { body: { a: 1 }, query: { b: "2" } });
  };
  assert.throws(asked({ path: "/b" }), /PUT \/a came, PUT \/b was expected/);
  assert.throws(asked({ body: { a: 2 } }), /carries {"a":1}, {"a":2} was expected/);
  assert.throws(asked({ query: {} }), /asks for {"b":"2"}, {} was expected/);
  assert.equal((asked({ body: { a: 1 } })() as Response).status, 200);
  assert.throws(
    () => new ScriptedCloud({ method: "GET", path: "/a" }).finish(),
    new ScriptError("these requests did not come: GET /a"),
  );
  assert.throws(() => new Endpoint(new ScriptedCloud(), "api").get("/a"), /came after the end of the script/);
});
