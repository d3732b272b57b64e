/** Buckets. */

import { integer, pathOf, resource, text } from "@konductor/sdk";
import type { Answer } from "@konductor/sdk";

import { api, create, dataOf, every } from "./api.ts";

const attributes = {
  name: text({
    description: "Its name. A bucket cannot be renamed.",
    replaces: true,
    pattern: "[a-zA-Z0-9][a-zA-Z0-9_-]*",
    length: [1, 255],
  }),
  owner: text({ description: "Who answers for it.", optional: true }),
  last_modified: integer({
    description: "When it was last changed, in milliseconds.",
    output: true,
    volatile: true,
  }),
};

/** What Kinto answers with. */
interface Bucket {
  readonly id: string;
  readonly owner?: string | null;
  readonly last_modified: number;
}

function answer({ id, owner, last_modified }: Bucket): Answer<typeof attributes> {
  return { id, attributes: { name: id, owner, last_modified } };
}

const path = (name: string): string => pathOf("v1", "buckets", name);

export const bucket = resource({
  type: "{{name}}:store:Bucket",
  description: "A bucket: the outermost folder of a Kinto server.",
  attributes,
  identity: { format: "shelf", attributes: ["name"], description: "The name of the bucket." },
  examples: [
    {
      title: "A bucket",
      yaml: "shelf:\n  type: {{name}}:store:Bucket\n  properties: { name: shelf, owner: librarian }\n",
    },
  ],

  create(call, { name, owner }) {
    return answer(create<Bucket, typeof attributes>(call, path(name), { owner }));
  },

  read(call, id) {
    const found = api(call).find(path(id));
    return found === undefined ? undefined : answer(dataOf<Bucket>(found));
  },

  update(call, id, { owner = null }) {
    const changed = api(call).send("PATCH", path(id), { body: { data: { owner } }, idempotent: true });
    return answer(dataOf<Bucket>(changed.json()));
  },

  delete(call, id) {
    api(call).send("DELETE", path(id));
  },

  *list(call) {
    for (const found of every<Bucket, typeof attributes>(call, pathOf("v1", "buckets"))) yield answer(found);
  },
});
