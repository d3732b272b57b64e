/** Components: inputs in, declarations out. Nothing here calls the cloud. */

import { DefinitionError, kept, schemasOf } from "./attributes.ts";
import type {
  Attributes,
  Declarable,
  InputsOf,
  Known,
  OpenInputsOf,
  OutputsOf,
  PropertiesOf,
  Unsettled,
} from "./attributes.ts";
import { checkedWith } from "./check.ts";
import type { Checked } from "./check.ts";
import { pathText } from "./diagnostics.ts";
import type { Diagnostic, Path } from "./diagnostics.ts";
import { Failure } from "./failure.ts";
import { TYPE_NAME } from "./schema.ts";
import type { Example, ResourceSchema } from "./schema.ts";
import { Reference, isMap, isWhollyKnown, mapOf, reveal, valueOf } from "./values.ts";
import type { Value, ValueMap } from "./values.ts";
import { viewOfMap } from "./view.ts";

/** How a declaration is treated, beyond its properties. Paths are written as people do: `rules[0].port`. */
export interface DeclarationOptions {
  /** What must exist before it, beyond what it refers to. */
  readonly dependsOn?: readonly Sibling[];
  /** Never delete or replace it. */
  readonly protect?: boolean;
  /** Forget it instead of deleting it. */
  readonly retainOnDelete?: boolean;
  /** Inputs whose changes are not acted on once the object exists. */
  readonly ignoreChanges?: readonly string[];
  /** Inputs whose changes mean replacement, beyond those the schema names. */
  readonly replaceOnChanges?: readonly string[];
  /** On replacement delete first, or insist on creating first; the schema decides where it is not said. */
  readonly deleteBeforeReplace?: boolean;
  /** Names this had before. */
  readonly aliases?: readonly string[];
  /** Attributes to treat as secret, beyond those the schema names. */
  readonly sensitive?: readonly string[];
}

/** A resource or component that should exist. */
export interface Declaration {
  readonly name: string;
  readonly type: string;
  readonly properties: ValueMap;
  readonly options: ValueMap;
}

/** What a component stands for. */
export interface Constructed {
  readonly declarations: readonly Declaration[];
  readonly outputs: ValueMap;
  readonly diagnostics: readonly Diagnostic[];
}

/** A declaration of the same answer, for others to refer to. */
export class Sibling<Name extends string = string> {
  readonly name: string;
  readonly #type: string;
  readonly #attributes: ReadonlySet<string> | undefined;

  /** `attributes` are what can be referred to; nothing where the type is another plugin's. */
  constructor(name: string, type: string, attributes: ReadonlySet<string> | undefined) {
    this.name = name;
    this.#type = type;
    this.#attributes = attributes;
  }

  /** Returns a reference to a place in its attributes or outputs.
   *
   * Throws a `Failure` where its type has no such attribute. */
  at(attribute: Name, ...steps: Path): Reference {
    if (this.#attributes !== undefined && !this.#attributes.has(attribute)) {
      const known = [...this.#attributes].sort().join(", ");
      throw mistake(`${this.#type} has no attribute \`${attribute}\`, only ${known}`);
    }
    return new Reference(`./${this.name}`, [attribute, ...steps]);
  }
}

/** What a component declares, and what it knows of the run. */
export class Construction {
  /** The component's name in the stack. */
  readonly name: string;
  /** The run's metadata, of which a plugin sees the fields that it asks for. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly declarations: Declaration[] = [];
  readonly diagnostics: Diagnostic[] = [];

  constructor(name: string, metadata: Readonly<Record<string, unknown>>) {
    this.name = name;
    this.metadata = metadata;
  }

  /** Declares a resource or component, and returns what others refer to it by. What is null or undefined among the
   * properties is left out. Of another plugin's type the compiler knows nothing: it is named by a text. */
  declare<A extends Attributes>(
    name: string,
    type: Declarable<A>,
    properties: PropertiesOf<A>,
    options?: DeclarationOptions,
  ): Sibling<keyof A & string>;
  declare(
    name: string,
    type: string,
    properties: Readonly<Record<string, unknown>>,
    options?: DeclarationOptions,
  ): Sibling;
  declare(name: string, type: Declarable | string, properties: object, options: DeclarationOptions = {}): Sibling {
    if (this.declarations.some((declared) => declared.name === name)) throw mistake(`it declares \`${name}\` twice`);
    const given = valueOf(properties);
    if (!isMap(given)) throw mistake(`the properties of \`${name}\` are no plain object`);
    const typeName = typeof type === "string" ? type : type.type;
    this.declarations.push({
      name,
      type: typeName,
      properties: mapOf(Object.entries(given).filter(([, value]) => value !== null)),
      options: optionsOf(options),
    });
    const attributes = typeof type === "string" ? undefined : new Set(Object.keys(type.schema.attributes));
    return new Sibling(name, typeName, attributes);
  }

  /** Says what is wrong with the inputs. */
  diagnose(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic);
  }

  /** Returns an input that decides what exists, and so has to be known before anything is made.
   *
   * Throws a `Failure` with its place where it is not. */
  known<T>(value: T, ...at: Path): Known<T> {
    if (!isWhollyKnown(valueOf(value))) throw notKnownYet(at);
    return value as Known<T>;
  }
}

function optionsOf(options: DeclarationOptions): ValueMap {
  const { dependsOn = [], ...rest } = options;
  const inSnakeCase = Object.entries(rest).map(([name, value]): [string, Value] => [
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    valueOf(value),
  ]);
  const siblings = dependsOn.map((sibling) => `./${sibling.name}`);
  const given = inSnakeCase.filter(([, value]) => value !== null);
  return mapOf(siblings.length > 0 ? [...given, ["depends_on", siblings]] : given);
}

function mistake(told: string): Failure {
  return new Failure("other", `a mistake in the plugin: ${told}`);
}

function notKnownYet(at: Path): Failure {
  const found: Diagnostic = {
    summary: `\`${pathText(at)}\` is not known yet`,
    detail: "it decides what exists",
    help: "give a value that does not come from something that is still to be made",
    at,
  };
  return new Failure("invalid", found.summary, { diagnostics: [found] });
}

export interface ComponentDefinition<A extends Attributes> {
  /** The name, such as `shelf:store:Library`. */
  readonly type: `${string}:${string}:${string}`;
  /** What it is, for a person: a sentence or two. */
  readonly description: string;
  /** Its inputs, and its outputs: those with `output: true`. */
  readonly attributes: A;
  readonly examples?: readonly Example[];
  /** Finds what a schema cannot say. Inputs that are wrong already are left out; others may not be known yet. */
  check?(inputs: { readonly [K in keyof InputsOf<A>]?: Unsettled<InputsOf<A>[K]> }): Iterable<Diagnostic>;
  /** Declares the resources, and returns the outputs. Of the inputs any may be unknown or a reference, to be passed on;
   * `construction.known` is for those that decide what exists. */
  construct(construction: Construction, inputs: OpenInputsOf<A>): OutputsOf<A>;
}

/** Declares a component type.
 *
 * Throws a `DefinitionError` with everything that is wrong. */
export function component<const A extends Attributes>(definition: ComponentDefinition<A>): Component & Declarable<A> {
  return new Component(definition as unknown as ComponentDefinition<Attributes>);
}

/** A declared component type. */
export class Component {
  readonly type: string;
  readonly schema: ResourceSchema;
  readonly #definition: ComponentDefinition<Attributes>;

  constructor(definition: ComponentDefinition<Attributes>) {
    const { type, description, attributes, examples } = definition;
    const problems: string[] = [];
    if (!TYPE_NAME.test(type)) problems.push(`\`${type}\` is no type name; write \`plugin:group:Name\``);
    if (!description) problems.push("its description is missing");
    if (typeof definition.construct !== "function") problems.push("`construct` is missing");
    if (problems.length > 0) throw new DefinitionError(type, problems);
    this.type = type;
    this.schema = kept({ type, kind: "component", description, attributes: schemasOf(attributes), examples });
    this.#definition = definition;
  }

  /** Checks inputs and applies defaults. */
  check(inputs: Value): Checked {
    return checkedWith(this.schema, inputs, this.#definition.check?.bind(this.#definition));
  }

  /** Declares what the component stands for; where its inputs are wrong, nothing but what is wrong. */
  construct(name: string, inputs: Value, metadata: Readonly<Record<string, unknown>> = {}): Constructed {
    const { inputs: checked, diagnostics } = this.check(inputs);
    if (diagnostics.some((found) => (found.severity ?? "error") === "error")) {
      return { declarations: [], outputs: {}, diagnostics };
    }
    const given = reveal(checked);
    if (!isMap(given)) throw notKnownYet([]);
    const construction = new Construction(name, metadata);
    const open = viewOfMap(this.schema.attributes, given, "kept") as OpenInputsOf<Attributes>;
    const answer: unknown = this.#definition.construct(construction, open);
    const outputs = answer instanceof Promise ? null : valueOf(answer);
    const declared = Object.keys(this.schema.attributes).filter((one) => this.schema.attributes[one]?.output_only);
    const named = isMap(outputs) ? Object.keys(outputs) : [];
    if (!isMap(outputs) || [...declared].sort().join() !== named.sort().join()) {
      const found = answer instanceof Promise ? "a promise" : named.join(", ") || "none";
      const wanted = declared.join(", ") || "an empty object";
      throw mistake(`\`construct\` of ${this.type} has to return the outputs ${wanted}, and returned ${found}`);
    }
    return {
      declarations: construction.declarations,
      outputs,
      diagnostics: [...diagnostics, ...construction.diagnostics],
    };
  }
}
