import assert from "node:assert/strict";
import { test } from "node:test";

import { Failure, Reference, Secret } from "@konductor/sdk";
import { Lifecycle, ScriptedCloud } from "@konductor/sdk/testing";

import devpi from "../plugin.ts";

const USER = { name: "builder", password: "correct-horse", email: "builder@example.com" };

function user(members: object = {}): object {
  const known = {
    username: "builder",
    email: USER.email,
    created: "2026-01-01T00:00:00Z",
    indexes: {},
    custom_data: "token",
  };
  return { type: "userconfig", result: { ...known, ...members } };
}

function index(members: object = {}): object {
  const known = {
    type: "stage",
    volatile: true,
    bases: [],
    acl_upload: ["builder"],
    mirror_whitelist: [],
    custom_data: "token",
  };
  return { type: "indexconfig", result: { ...known, ...members } };
}

test("a user is made, changed and deleted", () => {
  const cloud = new ScriptedCloud(
    {
      method: "PUT",
      path: "/builder",
      body: { password: "correct-horse", email: USER.email, custom_data: "token" },
      status: 201,
      json: user(),
    },
    { method: "PATCH", path: "/builder", body: { email: "", title: "Builds", password: "correct-horse" } },
    {
      method: "GET",
      path: "/builder",
      json: user({ email: undefined, title: "Builds", modified: "2026-01-02T00:00:00Z" }),
    },
    { method: "DELETE", path: "/builder" },
  );
  const life = new Lifecycle(devpi, "devpi:auth:User", cloud);
  life.apply(USER);
  assert.equal(life.object?.id, "builder");
  assert.ok(life.attributes["password"] instanceof Secret);
  assert.deepEqual(life.apply(USER).changes, []);
  life.apply({ name: "builder", password: "correct-horse", title: "Builds" });
  assert.equal(life.attributes["modified"], "2026-01-02T00:00:00Z");
  life.delete();
  cloud.finish();
});

for (const [token, isOwn] of [
  ["token", true],
  ["another", false],
] as const) {
  test(`an interrupted create finds ${isOwn ? "its own user" : "nobody else's user"}`, () => {
    const cloud = new ScriptedCloud(
      { method: "PUT", path: "/builder", status: 409, json: { message: "user already exists" } },
      { method: "GET", path: "/builder", json: user({ custom_data: token }) },
    );
    const life = new Lifecycle(devpi, "devpi:auth:User", cloud);
    if (isOwn) life.apply(USER);
    else assert.throws(() => life.apply(USER), { disposition: "already-exists" });
    assert.equal(life.object?.id, isOwn ? "builder" : undefined);
    cloud.finish();
  });
}

test("an index is made, keeps who may upload, and is replaced under another name", () => {
  const inputs = { user: "builder", name: "dev", bases: ["root/pypi"] };
  const made = index({ bases: ["root/pypi"] });
  const cloud = new ScriptedCloud(
    {
      method: "PUT",
      path: "/builder/dev",
      body: {
        type: "stage",
        title: "",
        bases: ["root/pypi"],
        volatile: true,
        mirror_whitelist: [],
        custom_data: "token",
      },
      json: made,
    },
    { method: "GET", path: "/builder/dev", query: { no_projects: "" }, json: made },
    {
      method: "PATCH",
      path: "/builder/dev",
      body: { title: "", bases: [], volatile: false, mirror_whitelist: [], acl_upload: ["alice", "builder"] },
      json: index({ volatile: false, acl_upload: ["builder", "alice"] }),
    },
    { method: "DELETE", path: "/builder/dev" },
    { method: "PUT", path: "/builder/test", json: index() },
  );
  const life = new Lifecycle(devpi, "devpi:store:Index", cloud);
  life.apply(inputs);
  assert.deepEqual(life.attributes["acl_upload"], ["builder"]);
  assert.deepEqual(life.read()?.attributes, life.attributes);
  const plan = life.apply({ user: "builder", name: "dev", volatile: false, acl_upload: ["alice", "builder"] });
  assert.deepEqual(
    plan.changes.map((change) => [change.at[0], change.kind]),
    [
      ["acl_upload", "update"],
      ["bases", "delete"],
      ["volatile", "update"],
    ],
  );
  life.apply({ user: "builder", name: "test", acl_upload: ["builder"] });
  assert.equal(life.object?.id, "builder/test");
  cloud.finish();
});

test("an index that devpi keeps is no matter of credentials, and one that is gone is deleted", () => {
  const cloud = new ScriptedCloud(
    { method: "PUT", path: "/builder/dev", json: index({ volatile: false }) },
    {
      method: "DELETE",
      path: "/builder/dev",
      status: 403,
      json: { message: "index builder/dev non-volatile, cannot delete" },
    },
    { method: "GET", path: "/builder/dev", json: index({ volatile: false }) },
    {
      method: "DELETE",
      path: "/builder/dev",
      status: 403,
      json: { message: "Access was denied to this resource." },
    },
    { method: "GET", path: "/builder/dev", status: 404 },
  );
  const life = new Lifecycle(devpi, "devpi:store:Index", cloud);
  life.apply({ user: "builder", name: "dev", volatile: false });
  assert.throws(() => life.delete(), { disposition: "invalid", message: /non-volatile, cannot delete/ });
  life.delete();
  cloud.finish();
});

test("a list has the indexes of every user, and no mirrors", () => {
  const mirror = { type: "mirror", volatile: false, mirror_url: "https://mirror.example.com/simple/" };
  const users = {
    builder: (user({ indexes: { dev: (index() as { result: object }).result } }) as { result: object }).result,
    shared: { username: "shared", created: "2026-01-01T00:00:00Z", indexes: { pypi: mirror } },
  };
  const answer = { method: "GET", path: "/", json: { type: "list:userconfig", result: users } };
  const listed = (type: string): string[] =>
    new Lifecycle(devpi, type, new ScriptedCloud(answer)).list().map(({ id }) => id);
  assert.deepEqual(listed("devpi:auth:User"), ["builder", "shared"]);
  assert.deepEqual(listed("devpi:store:Index"), ["builder/dev"]);
  const read = new ScriptedCloud({ method: "GET", path: "/shared/pypi", json: { result: mirror } });
  assert.throws(
    () => new Lifecycle(devpi, "devpi:store:Index", read).import("shared/pypi"),
    /shared\/pypi is a mirror/,
  );
});

test("what is wrong is told with its place, and an identifier of another form as what it should be", () => {
  const { diagnostics } = devpi.resource("devpi:store:Index").check({ user: "builder", nmae: "dev", bases: ["pypi"] });
  assert.deepEqual(
    diagnostics.map(({ at, summary, help }) => [at, summary, help?.split(":")[0]]),
    [
      [["bases", 0], "`pypi` has not the form wanted", undefined],
      [["nmae"], "there is no attribute `nmae`", "did you mean `name`?"],
      [["name"], "`name` is missing", "give `name`"],
    ],
  );
  const life = new Lifecycle(devpi, "devpi:store:Index", new ScriptedCloud());
  assert.throws(() => life.import("dev"), { disposition: "invalid", message: "`dev` is no index; write `USER/NAME`" });
});

test("many indexes are read with one call for each user", () => {
  const users = { release: index(), dev: index() } as Record<string, { result: unknown }>;
  const indexes = Object.fromEntries(Object.entries(users).map(([name, found]) => [name, found.result]));
  const cloud = new ScriptedCloud(
    { method: "GET", path: "/builder", json: user({ indexes }) },
    { method: "GET", path: "/nobody", status: 404, json: { message: "no such user" } },
  );
  const wanted = ["builder/dev", "nobody/dev", "builder/gone", "builder/release"];
  const details = { host: cloud, config: null, name: "" };
  const found = devpi.resource("devpi:store:Index").readMany(
    details,
    wanted.map((id) => ({ id, name: "index", prior: undefined })),
  );
  assert.deepEqual(
    found.map((one) => (one instanceof Failure ? one : one?.id)),
    ["builder/dev", undefined, undefined, "builder/release"],
  );
  cloud.finish();
});

test("stages are indexes of which each finds what the next has", () => {
  const stages = devpi.component("devpi:store:Stages");
  const name = new Reference("builder", ["name"]);
  const { declarations, outputs } = stages.construct("stages", { user: name, names: ["dev", "testing", "release"] });
  const full = (stage: string): Reference => new Reference(`./stage-${stage}`, ["full_name"]);
  assert.deepEqual(
    declarations.map((one) => [one.name, one.type, one.properties]),
    [
      ["stage-release", "devpi:store:Index", { user: name, name: "release" }],
      ["stage-testing", "devpi:store:Index", { user: name, name: "testing", bases: [full("release")] }],
      ["stage-dev", "devpi:store:Index", { user: name, name: "dev", bases: [full("testing")] }],
    ],
  );
  assert.deepEqual(outputs, { first: full("dev"), last: full("release") });
  assert.equal(stages.construct("stages", { user: "a", names: [] }).diagnostics[0]?.summary, "the list has 0 elements");
});

test("the packages of an index are looked up by its name", () => {
  const cloud = new ScriptedCloud({ method: "GET", path: "/builder/dev", json: index({ projects: ["b", "a"] }) });
  const details = { host: cloud, config: null, name: "" };
  assert.deepEqual(devpi.invoke("projects_of", details, { index: "builder/dev" }), ["a", "b"]);
  assert.throws(() => devpi.invoke("projects_of", details, { index: "dev" }), { disposition: "invalid" });
  cloud.finish();
});
