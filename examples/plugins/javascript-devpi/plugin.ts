/** Users, indexes and stages of devpi, a server for Python packages (https://devpi.net). */

import { Failure, boolean, component, list, pathOf, plugin, pluginFunction, resource, text } from "@konductor/sdk";
import type { Answer, Attributes, Call, Endpoint, InputsOf, Reference } from "@konductor/sdk";

const NAME = "[a-zA-Z0-9][a-zA-Z0-9._-]*";

/** What devpi answers with; members that are not set are left out. It has no idempotency tokens, but keeps
 * `custom_data` for others: an interrupted create is found by it. */
interface User {
  readonly username: string;
  readonly email?: string;
  readonly title?: string;
  readonly created: string;
  readonly modified?: string;
  readonly custom_data?: string;
  readonly indexes: Readonly<Record<string, Index>>;
}

interface Index {
  readonly type: string;
  readonly title?: string;
  readonly bases?: readonly string[];
  readonly volatile: boolean;
  readonly acl_upload?: readonly string[];
  readonly mirror_whitelist?: readonly string[];
  readonly custom_data?: string;
}

/** Returns the client of the API. */
function api<A extends Attributes>(call: Call<A>): Endpoint {
  return call.endpoint("api", {
    // What is not volatile is kept by devpi whoever asks: neither another credential nor another attempt would help.
    disposition: (response) => (response.text().includes("non-volatile") ? "invalid" : undefined),
  });
}

function result<T>(document: unknown): T {
  return (document as { result: T }).result;
}

/** Makes what is not there yet, or finds what the same create made before it was interrupted. */
function create<T extends { readonly custom_data?: string }, A extends Attributes>(
  call: Call<A>,
  path: string,
  body: object,
): T {
  const token = call.idempotencyToken;
  try {
    return result<T>(
      api(call)
        .send("PUT", path, { body: { ...body, custom_data: token } })
        .json(),
    );
  } catch (error) {
    if (!(error instanceof Failure && error.httpStatus === 409)) throw error;
  }
  const found = result<T>(api(call).get(path));
  if (found.custom_data !== token) {
    throw new Failure("already-exists", `${path} exists already; import it or choose another name`);
  }
  return found;
}

const userAttributes = {
  name: text({ description: "Its name.", replaces: true, pattern: NAME, length: [1, 100] }),
  password: text({ description: "Its password.", sensitive: true, writeOnly: true, length: [8] }),
  email: text({ description: "Where it is reached.", optional: true }),
  title: text({ description: "Who it is, for a person.", optional: true }),
  created: text({ description: "When it was made.", output: true }),
  modified: text({
    description: "When it was last changed; nothing before the first change.",
    output: true,
    volatile: true,
  }),
};

function userAnswer(found: User): Answer<typeof userAttributes> {
  const { username: name, email, title, created, modified = "" } = found;
  return { id: name, attributes: { name, email, title, created, modified } };
}

export const user = resource({
  type: "devpi:auth:User",
  description: "A user: who may upload packages, and the folder of its indexes.",
  attributes: userAttributes,
  identity: { format: "NAME", attributes: ["name"] },
  examples: [
    {
      title: "A user with an address",
      yaml: "alice:\n  type: devpi:auth:User\n  properties: { name: alice, password: correct-horse, email: alice@example.com }\n",
    },
  ],

  create(call, { name, ...rest }) {
    return userAnswer(create<User, typeof userAttributes>(call, pathOf(name), rest));
  },

  read(call, id) {
    const found = api(call).find(pathOf(id));
    return found === undefined ? undefined : userAnswer(result<User>(found));
  },

  update(call, id, { email = "", title = "", password }) {
    api(call).send("PATCH", pathOf(id), { body: { email, title, password } });
    return userAnswer(result<User>(api(call).get(pathOf(id))));
  },

  delete(call, id) {
    api(call).send("DELETE", pathOf(id));
  },

  *list(call) {
    for (const found of everyUser(call)) yield userAnswer(found);
  },
});

function everyUser<A extends Attributes>(call: Call<A>): User[] {
  return Object.values(result<Record<string, User>>(api(call).get("/")));
}

const indexAttributes = {
  user: text({ description: "The user it belongs to.", replaces: true }),
  name: text({ description: "Its name.", replaces: true, pattern: NAME, length: [1, 100] }),
  title: text({ description: "What it is for.", optional: true }),
  bases: list({
    description: "The indexes that packages are also looked for in, in their order.",
    optional: true,
    items: text({ description: "An index, as `USER/NAME`.", pattern: `${NAME}/${NAME}` }),
  }),
  volatile: boolean({ description: "Whether packages and the index itself can be deleted.", default: true }),
  acl_upload: list({
    description: "Who may upload; the index's user where it is not given.",
    computed: true,
    unordered: true,
    items: text({ description: "A user, or `:ANONYMOUS:` for everybody." }),
  }),
  mirror_whitelist: list({
    description: "Packages that may also come from a mirror; `*` for all.",
    optional: true,
    unordered: true,
    items: text({ description: "The name of a package." }),
  }),
  full_name: text({ description: "Its name in the bases of others: `USER/NAME`.", output: true }),
};

function indexAnswer(user: string, name: string, found: Index): Answer<typeof indexAttributes> {
  if (found.type !== "stage")
    throw new Failure("unsupported", `${user}/${name} is a ${found.type}, not an index of its own packages`);
  const { title, bases, volatile, acl_upload = [], mirror_whitelist } = found;
  const full_name = `${user}/${name}`;
  // devpi writes what is not set as empty, and Konductor leaves it out.
  const set = { title: title || undefined, bases: said(bases), mirror_whitelist: said(mirror_whitelist) };
  return { id: full_name, attributes: { user, name, volatile, acl_upload, full_name, ...set } };
}

function said(list: readonly string[] = []): readonly string[] | undefined {
  return list.length > 0 ? list : undefined;
}

function indexParts(id: string): [string, string] {
  const [user, name, ...rest] = id.split("/");
  if (!user || !name || rest.length > 0) throw new Failure("invalid", `\`${id}\` is no index; write \`USER/NAME\``);
  return [user, name];
}

function indexBody(inputs: InputsOf<typeof indexAttributes>): object {
  const { title = "", bases = [], volatile, acl_upload, mirror_whitelist = [] } = inputs;
  return { title, bases, volatile, mirror_whitelist, ...(acl_upload && { acl_upload }) };
}

export const index = resource({
  type: "devpi:store:Index",
  description: "An index of packages that are uploaded to it.",
  attributes: indexAttributes,
  identity: { format: "USER/NAME", attributes: ["user", "name"] },
  examples: [
    {
      title: "An index that also finds what another has",
      yaml: "dev:\n  type: devpi:store:Index\n  properties: { user: alice, name: dev, bases: [alice/release] }\n",
    },
  ],

  create(call, inputs) {
    const { user, name } = inputs;
    const body = { type: "stage", ...indexBody(inputs) };
    return indexAnswer(user, name, create<Index, typeof indexAttributes>(call, pathOf(user, name), body));
  },

  read(call, id) {
    const [user, name] = indexParts(id);
    const found = api(call).find(pathOf(user, name), { query: { no_projects: "" } });
    return found === undefined ? undefined : indexAnswer(user, name, result<Index>(found));
  },

  // A user is read with all of its indexes.
  *readMany(call, readings) {
    const users = new Map<string, ReadonlyMap<string, Index>>();
    for (const { id } of readings) {
      const [user, name] = indexParts(id);
      let indexes = users.get(user);
      if (indexes === undefined) {
        const found = api(call).find(pathOf(user));
        indexes = new Map(Object.entries(found === undefined ? {} : result<User>(found).indexes));
        users.set(user, indexes);
      }
      const found = indexes.get(name);
      yield found === undefined ? undefined : indexAnswer(user, name, found);
    }
  },

  update(call, id, inputs) {
    const [user, name] = indexParts(id);
    const body = indexBody(inputs);
    return indexAnswer(user, name, result<Index>(api(call).send("PATCH", pathOf(user, name), { body }).json()));
  },

  delete(call, id) {
    const path = pathOf(...indexParts(id));
    try {
      api(call).send("DELETE", path);
    } catch (error) {
      // devpi denies everybody the deletion of an index that is not there.
      const isDenied = error instanceof Failure && error.httpStatus === 403;
      if (!isDenied || api(call).find(path) !== undefined) throw error;
    }
  },

  *list(call) {
    for (const { username, indexes } of everyUser(call)) {
      for (const [name, found] of Object.entries(indexes)) {
        if (found.type === "stage") yield indexAnswer(username, name, found);
      }
    }
  },
});

export const stages = component({
  type: "devpi:store:Stages",
  description: "Indexes that packages are promoted through: each also finds what those after it have.",
  attributes: {
    user: text({ description: "The user they belong to." }),
    names: list({
      description: "Their names, in the order that a package goes through them.",
      length: [1],
      items: text({ description: "The name of an index.", pattern: NAME }),
    }),
    first: text({ description: "Where packages are uploaded to: `USER/NAME`.", output: true }),
    last: text({ description: "Where packages are installed from: `USER/NAME`.", output: true }),
  },
  examples: [
    {
      title: "Three stages",
      yaml: "stages:\n  type: devpi:store:Stages\n  properties: { user: alice, names: [dev, testing, release] }\n",
    },
  ],

  construct(construction, { user, names }) {
    const full: Reference[] = [];
    // The last stands alone, and each before it finds what the one after it has.
    for (const name of construction.known(names, "names").toReversed()) {
      const bases = full.length > 0 ? full.slice(0, 1) : undefined;
      full.unshift(construction.declare(`stage-${name}`, index, { user, name, bases }).at("full_name"));
    }
    return { first: full.at(0) ?? null, last: full.at(-1) ?? null };
  },
});

export const projectsOf = pluginFunction({
  name: "projects_of",
  description: "Returns the names of the packages that an index has itself.",
  arguments: { index: text({ description: "The index, as `USER/NAME`.", pattern: `${NAME}/${NAME}` }) },

  invoke(call, given) {
    const found = result<{ readonly projects: readonly string[] }>(api(call).get(pathOf(...indexParts(given.index))));
    return found.projects.toSorted();
  },
});

export default plugin({
  name: "devpi",
  version: "0.1.0",
  description: "Users and indexes of a devpi server",
  resources: [user, index],
  components: [stages],
  functions: [projectsOf],
  endpoints: [
    {
      id: "api",
      reason: "creates, reads, changes and deletes users and indexes",
      methods: ["GET", "PUT", "PATCH", "DELETE"],
    },
  ],
});
