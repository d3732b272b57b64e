/** Checks of plans, states and drift, as a plugin of the world `compliance-plugin`.
 *
 * A package of policies names such a plugin. See docs/policy.md and docs/languages.md. */

import { DefinitionError } from "./attributes.ts";
import { Failure } from "./failure.ts";

/** The version of the request and the answer. */
const FORMAT = 1;

/** What is done with a resource; `other` for what this SDK does not know. */
export type Action = "none" | "create" | "update" | "replace" | "delete" | "forget" | "other";

const ACTIONS: ReadonlyMap<string, Action> = new Map([
  ["no-op", "none"],
  ["read", "none"],
  ["create", "create"],
  ["update", "update"],
  ["delete,create", "replace"],
  ["create,delete", "replace"],
  ["delete", "delete"],
  ["forget", "forget"],
]);

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonMap;

/** An object in JSON. */
export interface JsonMap {
  readonly [name: string]: Json;
}

/** Attributes; nothing where there is no object. */
export type Attributes = JsonMap | undefined;

/** A resource of a document. */
export class Resource {
  /** Its entry in the document. */
  readonly entry: JsonMap;
  /** What is done with it. */
  readonly action: Action;
  /** The attributes there are. */
  readonly before: Attributes;
  /** The attributes as they will be, without those that are not known yet. */
  readonly after: Attributes;
  readonly #own: JsonMap;
  readonly #change: JsonMap;

  constructor(entry: JsonMap, action: Action, before: Json | undefined, after: Json | undefined) {
    this.entry = entry;
    this.action = action;
    this.before = mapOr(before, undefined);
    this.after = mapOr(after, undefined);
    this.#own = mapOr(entry["konductor"], {});
    this.#change = mapOr(entry["change"], {});
  }

  /** Type and name: `aws_s3_bucket.logs`. */
  get address(): string {
    return textOr(this.entry["address"], "");
  }

  /** The name in the stack. */
  get name(): string {
    return textOr(this.entry["name"], "");
  }

  /** Konductor's name of the type, `aws:s3:Bucket`; in a document of another tool that tool's. */
  get type(): string {
    return textOr(this.#own["type"], this.knownAs);
  }

  /** Terraform's name of the type where the plugin says it, `aws_s3_bucket`, else Konductor's. */
  get knownAs(): string {
    return textOr(this.entry["type"], "");
  }

  /** The URN; nothing in a document of another tool. */
  get urn(): string | undefined {
    return textOr(this.#own["urn"], undefined);
  }

  /** The identifier that the cloud gave it, where there is one. */
  get id(): string | undefined {
    return textOr(this.#own["id"], undefined);
  }

  /** Where it is declared: `konductor.yaml:12:3`. */
  get place(): string | undefined {
    return textOr(this.#own["place"], undefined);
  }

  /** Whether it is there when all is done. */
  get remains(): boolean {
    return this.action !== "delete" && this.action !== "forget";
  }

  /** Tells whether it is of a type, by Konductor's name or by Terraform's. */
  isA(name: string): boolean {
    return this.type === name || this.knownAs === name;
  }

  /** Returns what is said of it: `owner`, `data_classification`. */
  metadata(field: string): string | undefined {
    return textOr(step(this.#own["metadata"], field), undefined);
  }

  /** Returns an attribute as it will be: names and positions with dots between, `tags.owner`, `rules.0.port`. Nothing where
   * it is null, is not there, or is not known yet. */
  attribute(path: string): Json | undefined {
    let found: Json | undefined = this.after;
    for (const name of path.split(".")) found = step(found, name);
    return found ?? undefined;
  }

  /** Tells whether an attribute is known only after the apply. */
  isUnknown(path: string): boolean {
    return isMarked(this.#change["after_unknown"], path);
  }

  /** Tells whether an attribute is secret: what is shown of it is the text `(secret)`. */
  isSecret(path: string): boolean {
    return isMarked(this.entry["sensitive_values"] ?? this.#change["after_sensitive"], path);
  }
}

function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mapOr<T>(value: Json | undefined, otherwise: T): JsonMap | T {
  return isMap(value) ? value : otherwise;
}

function listOf(value: Json | undefined): readonly JsonMap[] {
  return Array.isArray(value) ? (value as Json[]).filter(isMap) : [];
}

function textOr<T>(value: Json | undefined, otherwise: T): string | T {
  return typeof value === "string" ? value : otherwise;
}

function step(value: Json | undefined, name: string): Json | undefined {
  if (Array.isArray(value)) return /^\d+$/.test(name) ? (value as Json[])[Number(name)] : undefined;
  return isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Tells whether marks say `true` of a path, or of something around it. */
function isMarked(marks: Json | undefined, path: string): boolean {
  let found = marks;
  for (const name of path.split(".")) {
    if (found === true) return true;
    found = step(found, name);
  }
  return found === true;
}

function changed(entry: JsonMap): Resource {
  const change = mapOr(entry["change"], {} as JsonMap);
  const actions = change["actions"];
  const action = Array.isArray(actions) ? ACTIONS.get(actions.join(",")) : undefined;
  return new Resource(entry, action ?? "other", change["before"], change["after"]);
}

/** Returns the entries of a list, but for those that Terraform only reads. */
function managed(entries: Json | undefined): readonly JsonMap[] {
  return listOf(entries).filter((entry) => entry["mode"] !== "data");
}

function recorded(module: JsonMap): Resource[] {
  const own = managed(module["resources"]).map(
    (entry) => new Resource(entry, "none", entry["values"], entry["values"]),
  );
  return [...own, ...listOf(module["child_modules"]).flatMap(recorded)];
}

/** A plan, a state or drift: one that Konductor shows to policies, or that `terraform show -json` writes. */
export class Document {
  /** The whole document. */
  readonly input: JsonMap;
  /** Every resource of the plan, with those that go. */
  readonly changes: readonly Resource[];
  /** The objects that are not as they were recorded: `before` as recorded, `after` as they are. */
  readonly drift: readonly Resource[];
  readonly #own: JsonMap;

  /** Throws a `Failure` for a document that is neither a plan nor a state. */
  constructor(input: Json) {
    if (isMap(input) && "resource_changes" in input) {
      this.changes = managed(input["resource_changes"]).map(changed);
    } else if (isMap(input) && "values" in input) {
      this.changes = recorded(mapOr(step(input["values"], "root_module"), {} as JsonMap));
    } else {
      throw new Failure("invalid", "the document is neither a plan with `resource_changes` nor a state with `values`");
    }
    this.input = input;
    this.drift = managed(input["resource_drift"]).map(changed);
    this.#own = mapOr(input["konductor"], {});
  }

  /** The resources that there are when all is done, or that are recorded: most checks are about these. */
  get resources(): readonly Resource[] {
    return this.changes.filter((resource) => resource.remains);
  }

  /** Returns those of `resources` that are of a type, by Konductor's name or by Terraform's. */
  ofType(name: string): readonly Resource[] {
    return this.resources.filter((resource) => resource.isA(name));
  }

  /** What is judged: `apply`, `destroy`, `rollback`, `drift`, `state`; empty for a document of another tool. */
  get operation(): string {
    return textOr(this.#own["operation"], "");
  }

  /** The project's name. */
  get project(): string {
    return textOr(this.#own["project"], "");
  }

  /** The stack's name. */
  get stack(): string {
    return textOr(this.#own["stack"], "");
  }
}

/** Something that a check found. `deny` and `warn` make one. */
export class Finding {
  readonly message: string;
  readonly warning: boolean;
  readonly details: JsonMap;

  constructor(message: string, warning: boolean, details: JsonMap) {
    this.message = message;
    this.warning = warning;
    this.details = details;
  }
}

/** What a finding is about. */
export interface About {
  readonly resource?: Resource;
  /** The attribute: `tags.owner`. */
  readonly attribute?: string;
  /** What else is to be said: a control, a page to read. */
  readonly details?: JsonMap;
}

/** Says what is wrong: what follows is decided by the level of the package. */
export function deny(message: string, about: About = {}): Finding {
  return new Finding(message, false, detailsOf(about));
}

/** Says something that is told, and nothing follows. */
export function warn(message: string, about: About = {}): Finding {
  return new Finding(message, true, detailsOf(about));
}

function detailsOf({ resource, attribute, details = {} }: About): JsonMap {
  const known = {
    resource: resource?.name,
    address: resource?.address,
    urn: resource?.urn,
    place: resource?.place,
    attribute,
  };
  const said = Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(said), ...details };
}

/** A function that is shown a document and finds something in it; a generator will do. */
export type Check = (document: Document) => Iterable<Finding>;

export interface ChecksDefinition {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** The checks by the rule that their findings are told by. */
  readonly checks: Readonly<Record<string, Check>>;
}

/** What the checks of a plugin came to. */
export interface CheckAnswer {
  readonly rules: readonly string[];
  readonly findings: readonly {
    readonly rule: string;
    readonly message: string;
    readonly warning?: true;
    readonly details?: JsonMap;
  }[];
}

/** Declares a plugin of checks.
 *
 * Throws a `DefinitionError` when there is none. */
export function checks(definition: ChecksDefinition): Checks {
  return new Checks(definition);
}

/** A declared plugin of checks. */
export class Checks {
  readonly definition: ChecksDefinition;

  constructor(definition: ChecksDefinition) {
    if (Object.keys(definition.checks).length === 0) throw new DefinitionError(definition.name, ["it has no check"]);
    this.definition = definition;
  }

  /** Returns what the plugin says about itself. */
  manifest(): object {
    const { name, version, description } = this.definition;
    return { name, version, description };
  }

  /** Applies all checks to a document: for tests, and what the sandbox calls. */
  judge(document: Document): CheckAnswer {
    const every = Object.entries(this.definition.checks);
    const findings = every.flatMap(([rule, check]) =>
      [...check(document)].map((finding) => {
        if (!(finding instanceof Finding)) {
          throw new TypeError(
            `the check \`${rule}\` gives something other than findings; make them with \`deny\` and \`warn\``,
          );
        }
        const { message, warning, details } = finding;
        return {
          rule,
          message,
          ...(warning ? { warning: true as const } : {}),
          ...(Object.keys(details).length > 0 ? { details } : {}),
        };
      }),
    );
    return { rules: every.map(([rule]) => rule), findings };
  }

  /** Returns the messages of what the checks find in a document: for tests. */
  messages(document: Document): string[] {
    return this.judge(document).findings.map((finding) => finding.message);
  }

  /** Applies all checks to the document in a request, and returns the answer: both are JSON.
   *
   * Throws a `Failure` where the request is for something else. */
  evaluate(request: string): string {
    const asked = JSON.parse(request) as Json;
    if (!isMap(asked) || asked["task"] !== "check") {
      throw new Failure("invalid", "this plugin checks plans, states and drift, and was asked for something else");
    }
    if (asked["format"] !== FORMAT) {
      const told = `the request has format ${JSON.stringify(asked["format"])}, and this plugin reads ${FORMAT}`;
      throw new Failure("invalid", `${told}; build it with the SDK of this konductor`);
    }
    return JSON.stringify(this.judge(new Document(asked["input"] ?? null)));
  }
}

/** A document for a test, made resource by resource: each step returns the sample, `document` what it made. */
export class Sample {
  readonly #changes: JsonMap[] = [];
  readonly #drift: JsonMap[] = [];
  #operation = "apply";
  #metadata: Record<string, Json> = {};
  #unknown: Record<string, Json> = {};

  /** Adds a resource that is created. */
  create(type: string, name: string, after: JsonMap = {}): this {
    return this.#add(this.#changes, type, name, "create", null, after);
  }

  /** Adds a resource that is changed. */
  update(type: string, name: string, before: JsonMap, after: JsonMap): this {
    return this.#add(this.#changes, type, name, "update", before, after);
  }

  /** Adds a resource that stays as it is. */
  keep(type: string, name: string, attributes: JsonMap = {}): this {
    return this.#add(this.#changes, type, name, "no-op", attributes, attributes);
  }

  /** Adds a resource that is deleted. */
  delete(type: string, name: string, before: JsonMap = {}): this {
    return this.#add(this.#changes, type, name, "delete", before, null);
  }

  /** Adds an object that is not as it was recorded; without `after` it is gone. */
  drifted(type: string, name: string, before: JsonMap, after?: JsonMap): this {
    this.#operation = "drift";
    return this.#add(this.#drift, type, name, after === undefined ? "delete" : "update", before, after ?? null);
  }

  /** Says something of the resource that was added last: `owner`. */
  metadata(fields: Readonly<Record<string, string>>): this {
    Object.assign(this.#metadata, fields);
    return this;
  }

  /** Says that an attribute of the resource that was added last is known only after the apply. */
  unknown(attribute: string): this {
    this.#unknown[attribute] = true;
    return this;
  }

  /** Returns the document. */
  document(): Document {
    return new Document({
      format_version: "1.2",
      resource_changes: this.#changes,
      resource_drift: this.#drift,
      konductor: { format: 1, operation: this.#operation, project: "sample", stack: "dev" },
    });
  }

  #add(entries: JsonMap[], type: string, name: string, action: string, before: Json, after: Json): this {
    this.#metadata = {};
    this.#unknown = {};
    const urn = `urn:konductor:sample:dev:${type}::${name}`;
    entries.push({
      address: `${type}.${name}`,
      type,
      name,
      change: { actions: [action], before, after, after_unknown: this.#unknown },
      konductor: { urn, name, type, metadata: this.#metadata, place: null },
    });
    return this;
  }
}
