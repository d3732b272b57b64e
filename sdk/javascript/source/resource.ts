/** A resource type: its declaration, checked where it is made, and its behaviour with everything the schema says done
 * around it. */

import { DefinitionError, kept, schemasOf } from "./attributes.ts";
import type { Attributes, AttributesOf, Declarable, InputsOf, RecordedOf, Unsettled } from "./attributes.ts";
import { Call, Deleted, InProgress, Partial } from "./call.ts";
import type { Answer, CallDetails, Outcome, Reading, Recorded, Settled, StoredObject } from "./call.ts";
import { checkedWith } from "./check.ts";
import type { Checked } from "./check.ts";
import type { Diagnostic } from "./diagnostics.ts";
import { markSensitive, normalise, withoutNulls } from "./equality.ts";
import { Failure, failureOf } from "./failure.ts";
import { inputsOf, planObject } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { TYPE_NAME } from "./schema.ts";
import type { Example, ResourceSchema } from "./schema.ts";
import { asSecretsWere, renamed } from "./upgrade.ts";
import type { Upgrade } from "./upgrade.ts";
import { isMap, mapOf, reveal, valueOf } from "./values.ts";
import type { Value, ValueMap } from "./values.ts";
import { view, viewOfMap } from "./view.ts";

export type Operation = "create" | "read" | "update" | "delete" | "list";

interface Behaviour<A extends Attributes> {
  /** The name, such as `shelf:store:Book`. */
  readonly type: `${string}:${string}:${string}`;
  /** What it is, for a person: a sentence or two. */
  readonly description: string;
  readonly attributes: A;
  /** How an object is named from outside: the form of its identifier, and the attributes it is made of. */
  readonly identity: {
    readonly format: string;
    readonly attributes?: readonly (keyof A & string)[];
    readonly description?: string;
  };
  /** The attribute that takes tags or labels. */
  readonly tags?: keyof A & string;
  /** Counts up when recorded attributes have to be rewritten. */
  readonly version?: number;
  /** How the attributes of each older version become those of this one, straight. */
  readonly upgrades?: { readonly [version: number]: Upgrade<AttributesOf<A>> };
  /** Two cannot exist at once. */
  readonly deleteBeforeReplace?: boolean;
  readonly examples?: readonly Example[];
  /** Finds what a schema cannot say. Inputs that are wrong already are left out; others may not be known yet. */
  check?(inputs: { readonly [K in keyof InputsOf<A>]?: Unsettled<InputsOf<A>[K]> }): Iterable<Diagnostic>;
  /** Makes the object. Asked again with the same token it finds what it made. */
  create(call: Call<A>, inputs: InputsOf<A>): Outcome<A>;
  /** Reads the object, nothing where it is gone. */
  read(call: Call<A>, id: string): Answer<A> | undefined;
  /** Reads many objects with few calls. The answers stand in the order of the readings: nothing for what is gone, a
   * failure for what alone could not be read. A type without it is read one by one. */
  readMany?(call: Call<A>, readings: readonly Reading<A>[]): Iterable<Answer<A> | Failure | undefined>;
  /** Returns what exists. */
  list?(call: Call<A>): Iterable<Answer<A>>;
  /** Asks how a long operation stands. */
  poll?(call: Call<A>, handle: unknown): Outcome<A> | Deleted;
  /** Returns what an operation needs to be allowed. */
  permissions?(operation: Operation): readonly string[];
}

type Changeable<A extends Attributes> =
  | {
      /** Changes the object in place. */
      update(call: Call<A>, id: string, inputs: InputsOf<A>): Outcome<A>;
      readonly replaceOnEveryChange?: never;
    }
  | { readonly update?: never; readonly replaceOnEveryChange: true };

type Deletable<A extends Attributes> =
  | {
      /** Deletes the object. That it is gone already is no error. */
      delete(call: Call<A>, id: string): InProgress | void;
      readonly undeletable?: never;
    }
  | {
      readonly delete?: never;
      /** Why it cannot be deleted. */
      readonly undeletable: string;
    };

/** What `resource` takes. A type without `update` says `replaceOnEveryChange: true`, one without `delete` says why it is
 * `undeletable`: nothing important is left out silently. */
export type Definition<A extends Attributes> = Behaviour<A> & Changeable<A> & Deletable<A>;

/** Declares a resource type.
 *
 * Throws a `DefinitionError` with everything that is wrong. */
export function resource<const A extends Attributes>(definition: Definition<A>): Resource & Declarable<A> {
  return new Resource(definition as unknown as Definition<Attributes>);
}

/** One of many objects that the host asks for. */
export type Wanted = Readonly<Pick<CallDetails, "name" | "prior">> & { readonly id: string };

/** A declared resource type. */
export class Resource {
  readonly type: string;
  readonly schema: ResourceSchema;
  readonly #definition: Definition<Attributes>;

  constructor(definition: Definition<Attributes>) {
    const problems = problemsOf(definition);
    if (problems.length > 0) throw new DefinitionError(definition.type, problems);
    this.type = definition.type;
    this.schema = schemaOf(definition);
    this.#definition = definition;
  }

  get #version(): number {
    return this.schema.version ?? 0;
  }

  /** Checks inputs and applies defaults. */
  check(inputs: Value): Checked {
    return checkedWith(this.schema, inputs, this.#definition.check?.bind(this.#definition));
  }

  /** Plans an object. */
  plan(prior: StoredObject | undefined, inputs: Value): Plan {
    return planObject(this.schema, prior === undefined ? undefined : (reveal(prior.attributes) as ValueMap), inputs);
  }

  /** Rewrites an object that an older version recorded. */
  upgrade(stored: StoredObject): StoredObject {
    const version = this.#version;
    if (stored.schemaVersion === version) return stored;
    if (stored.schemaVersion > version) {
      const written = `the object was written by a newer plugin (schema version ${stored.schemaVersion}, this one has ${version})`;
      throw new Failure("unsupported", `${written}: use that plugin`);
    }
    const step = this.#definition.upgrades?.[stored.schemaVersion];
    const upgraded = step === undefined ? renamed(this.schema, stored.attributes) : step.run(stored.attributes);
    const attributes = asSecretsWere(stored.attributes, withoutNulls(upgraded));
    return { ...stored, attributes: markSensitive(this.schema.attributes, attributes), schemaVersion: version };
  }

  create(details: CallDetails, inputs: Value): Settled {
    const outcome = this.#definition.create(this.#call(details), this.#inputs(inputs));
    return this.#settleOutcome("create", outcome, details.planned);
  }

  /** Reads an object, nothing where it is gone. */
  read(details: CallDetails, id: string): StoredObject | undefined {
    const found = orNothing(() => this.#definition.read(this.#call(details), id));
    return found === undefined ? undefined : this.#settleRead(found, details.prior);
  }

  /** Reads many objects, one by one where the type has no better way. */
  readMany(details: CallDetails, wanted: readonly Wanted[]): (StoredObject | Failure | undefined)[] {
    const { readMany } = this.#definition;
    if (readMany === undefined) {
      return wanted.map(({ id, name, prior }) => orFailure(() => this.read({ ...details, name, prior }, id)));
    }
    const readings = wanted.map(({ id, name, prior }) => ({ id, name, prior: this.#recorded(prior) }));
    const answers = Array.from(readMany.call(this.#definition, this.#call(details), readings));
    if (answers.length !== wanted.length) {
      throw new Failure("other", `${this.type} answered ${answers.length} of ${wanted.length} reads`);
    }
    return answers.map((found, index) => {
      if (found instanceof Failure) return found.disposition === "not-found" ? undefined : found;
      return found === undefined ? undefined : this.#settleRead(found, wanted[index]?.prior);
    });
  }

  update(details: CallDetails, id: string, inputs: Value): Settled {
    if (this.#definition.update === undefined) {
      throw new Failure("unsupported", `${this.type} cannot be changed in place`);
    }
    const outcome = this.#definition.update(this.#call(details), id, this.#inputs(inputs));
    return this.#settleOutcome("update", outcome, details.planned);
  }

  /** Deletes an object; that it is gone already is a success. */
  delete(details: CallDetails, id: string): InProgress | undefined {
    const { delete: remove, undeletable } = this.#definition;
    if (remove === undefined) throw new Failure("unsupported", `${this.type} cannot be deleted: ${undeletable}`);
    const outcome: unknown = orNothing(() => remove.call(this.#definition, this.#call(details), id) ?? undefined);
    if (outcome === undefined || outcome instanceof InProgress) return outcome;
    throw odd("delete", outcome, "nothing, or an InProgress");
  }

  list(details: CallDetails): StoredObject[] {
    if (this.#definition.list === undefined) throw new Failure("unsupported", `${this.type} cannot be listed`);
    return Array.from(this.#definition.list(this.#call(details)), (found) => this.#settle("list", found, null));
  }

  /** Takes over an object, with inputs that plan to no change against it. */
  import(details: CallDetails, id: string): { object: StoredObject; inputs: Value } {
    const object = this.read(details, id);
    if (object === undefined) throw new Failure("not-found", `there is no ${this.type} \`${id}\``);
    return { object, inputs: inputsOf(this.schema.attributes, reveal(object.attributes) as ValueMap) };
  }

  /** Asks how a long operation stands. */
  poll(details: CallDetails, handle: unknown): Settled {
    if (this.#definition.poll === undefined) throw new Failure("unsupported", `${this.type} has no long operations`);
    const outcome = this.#definition.poll(this.#call(details), handle);
    return outcome instanceof Deleted ? outcome : this.#settleOutcome("poll", outcome, details.planned);
  }

  permissions(operation: Operation): readonly string[] {
    return this.#definition.permissions?.(operation) ?? [];
  }

  #recorded(prior: StoredObject | undefined): Recorded<Attributes> | undefined {
    return (
      prior && {
        id: prior.id,
        attributes: viewOfMap(this.schema.attributes, reveal(prior.attributes) as ValueMap) as RecordedOf<Attributes>,
        private: prior.private,
      }
    );
  }

  #call(details: CallDetails): Call {
    return new Call(details.host, {
      config: view({ kind: "any" }, details.config),
      name: details.name,
      idempotencyToken: details.idempotencyToken ?? "",
      filter: view({ kind: "any" }, details.filter ?? null),
      prior: this.#recorded(details.prior),
    });
  }

  #inputs(inputs: Value): InputsOf<Attributes> {
    return viewOfMap(this.schema.attributes, reveal(inputs) as ValueMap) as InputsOf<Attributes>;
  }

  /** Gives an object the spelling that was expected, its secret marks and its schema version. */
  #settle(operation: string, found: Answer<Attributes>, expected: Value): StoredObject {
    if (typeof found?.id !== "string" || !isMap(found.attributes)) throw odd(operation, found, "`{ id, attributes }`");
    const attributes = withoutNulls(valueOf(found.attributes));
    return {
      id: found.id,
      attributes: markSensitive(this.schema.attributes, normalise(this.schema, attributes, expected)),
      private: found.private ?? new Uint8Array(),
      schemaVersion: this.#version,
    };
  }

  /** Settles what was read against what was last seen; private bytes that it leaves out are kept. */
  #settleRead(found: Answer<Attributes>, prior: StoredObject | undefined): StoredObject {
    return this.#settle("read", { private: prior?.private ?? new Uint8Array(), ...found }, prior?.attributes ?? null);
  }

  #settleOutcome(operation: string, outcome: Outcome<Attributes>, planned: Value = null): Settled {
    if (outcome instanceof InProgress) return outcome;
    if (!(outcome instanceof Partial)) return this.#settle(operation, outcome, planned);
    return { object: this.#settle(operation, outcome.object, planned), reason: outcome.reason };
  }
}

/** Returns what a function finds, or its failure. */
function orFailure<T>(find: () => T): T | Failure {
  try {
    return find();
  } catch (error) {
    return failureOf(error);
  }
}

/** Returns what a function finds, nothing where it says that it does not exist. */
function orNothing<T>(find: () => T | undefined): T | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof Failure && error.disposition === "not-found") return undefined;
    throw error;
  }
}

function odd(operation: string, answer: unknown, expected: string): Failure {
  const isPromise = answer instanceof Promise;
  const found = isPromise ? "a promise, and calls in the sandbox are never asynchronous" : typeof answer;
  return new Failure("other", `\`${operation}\` answered with ${found}; expected ${expected}`);
}

function problemsOf(definition: Definition<Attributes>): string[] {
  const { type, attributes, identity, tags, version = 0, upgrades } = definition;
  const problems: string[] = [];
  if (!TYPE_NAME.test(type)) problems.push(`\`${type}\` is no type name; write \`plugin:group:Name\``);
  if (!definition.description) problems.push("its description is missing");
  // What the compiler refuses is refused here too, for plugins that are not checked by one.
  for (const name of ["create", "read"] as const) {
    if (typeof definition[name] !== "function") problems.push(`\`${name}\` is missing`);
  }
  const choices = [
    ["update", "replaceOnEveryChange: true", definition.update, definition.replaceOnEveryChange],
    ["delete", 'undeletable: "WHY"', definition.delete, definition.undeletable],
  ] as const;
  for (const [name, instead, written, said] of choices) {
    if (written === undefined && !said) problems.push(`\`${name}\` is missing; write it or say \`${instead}\``);
    if (written !== undefined && said) problems.push(`\`${name}\` is written beside \`${instead}\`; keep one`);
  }
  if (!identity?.format) problems.push("its identity is missing; say `identity: { format: FORMAT, attributes: […] }`");
  for (const name of identity?.attributes ?? []) {
    if (!Object.hasOwn(attributes, name)) problems.push(`its identity names \`${name}\`, which is no attribute`);
  }
  if (tags !== undefined && !(Object.hasOwn(attributes, tags) && attributes[tags]?.schema.kind === "map")) {
    problems.push(`its tags are \`${tags}\`, which is no attribute made by \`map\``);
  }
  const isRenamed = Object.values(attributes).some(({ schema }) => schema.renamed_from !== undefined);
  for (let older = 0; older < version; older += 1) {
    if (upgrades?.[older] === undefined && !isRenamed) {
      problems.push(`it does not say how version ${older} is upgraded; write \`upgrades: { ${older}: upgrade(…) }\``);
    }
  }
  return problems;
}

function schemaOf(definition: Definition<Attributes>): ResourceSchema {
  const attributes = mapOf(
    Object.entries(schemasOf(definition.attributes)).map(([name, attribute]) => {
      const replaced = definition.replaceOnEveryChange && !attribute.output_only;
      return [name, replaced ? { ...attribute, replaces: true } : attribute];
    }),
  );
  return kept({
    type: definition.type,
    description: definition.description,
    version: definition.version || undefined,
    attributes,
    identity: kept(definition.identity),
    tags: definition.tags,
    delete_before_replace: definition.deleteBeforeReplace,
    batch_read: definition.readMany !== undefined,
    examples: definition.examples,
  }) as ResourceSchema;
}
