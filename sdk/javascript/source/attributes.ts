/** Declaring attributes: what each takes, and the types of inputs and answers that follow from it. */

import type { AttributeSchema, AttributeSchemas, ResourceSchema, TextFormat } from "./schema.ts";
import type { Reference, Secret, Unknown } from "./values.ts";
import { mapOf, valueOf } from "./values.ts";
import { toJson } from "./values_json.ts";

/** Says what is wrong with a definition, all of it, with the names to change. */
export class DefinitionError extends TypeError {
  override name = "DefinitionError";
  readonly problems: readonly string[];

  constructor(name: string, problems: readonly string[]) {
    super(`${name}: ${problems.join("; ")}`);
    this.problems = problems;
  }
}

/** What every attribute can say. One that is not optional, has no default and is not set by the provider must be given. */
export interface Options {
  /** What it is, for a person: a sentence. */
  readonly description: string;
  /** It need not be given. */
  readonly optional?: boolean;
  /** Used when it is not given. */
  readonly default?: unknown;
  /** The provider sets it where it was not given. */
  readonly computed?: boolean;
  /** Only the provider sets it. */
  readonly output?: boolean;
  /** A change in any other attribute may change it. */
  readonly volatile?: boolean;
  /** A change means replacement. */
  readonly replaces?: boolean;
  /** It is never shown: it is a `Secret`. */
  readonly sensitive?: boolean;
  /** The API never gives it back. */
  readonly writeOnly?: boolean;
  /** The only values allowed. */
  readonly oneOf?: readonly unknown[];
  /** What it was called; that name is still taken, with a warning. */
  readonly renamedFrom?: string;
  /** Why it is deprecated and what to use instead. */
  readonly deprecated?: string;
  /** What the simulated cloud answers with. */
  readonly simulated?: string;
}

type Limits = readonly [minimum: number | undefined, maximum: number | undefined] | readonly [minimum: number];

export interface TextOptions extends Options {
  /** A regular expression that the whole text matches; checked by the plugin only. */
  readonly pattern?: string;
  /** The fewest and the most characters. */
  readonly length?: Limits;
  readonly format?: TextFormat;
}

export interface IntegerOptions extends Options {
  /** The smallest and the largest number. */
  readonly range?: Limits;
}

export interface ListOptions extends Options {
  readonly items: Attribute;
  /** The order means nothing. */
  readonly unordered?: boolean;
  /** The fewest and the most elements. */
  readonly length?: Limits;
}

export interface MapOptions extends Options {
  readonly values: Attribute;
}

export interface ObjectOptions extends Options {
  readonly attributes: Attributes;
}

declare const TYPES: unique symbol;

/** An attribute: its schema, and for the compiler what it is in inputs and in answers. */
export interface Attribute<Input = unknown, Answer = unknown, O = unknown> {
  readonly schema: AttributeSchema;
  readonly [TYPES]?: { readonly input: Input; readonly answer: Answer; readonly options: O };
}

export interface Attributes {
  readonly [name: string]: Attribute;
}

type InputOf<A> = A extends Attribute<infer Input, unknown, infer O> ? Masked<Input, O> : never;
type AnswerOf<A> =
  A extends Attribute<unknown, infer Answer, infer O>
    ? Answer | (O extends { sensitive: true } ? Secret<Answer> : never)
    : never;
type Masked<T, O> = O extends { sensitive: true } ? Secret<T> : T;
type OptionsOf<A> = A extends Attribute<unknown, unknown, infer O> ? O : never;

type Given<A> = { [K in keyof A]: OptionsOf<A[K]> extends { output: true } ? never : K }[keyof A];
type MaybeLeftOut<O> = O extends { default: unknown }
  ? false
  : O extends { optional: true } | { computed: true }
    ? true
    : false;
type MaybeUnanswered<O> = O extends { writeOnly: true }
  ? true
  : O extends { output: true } | { computed: true } | { default: unknown }
    ? false
    : O extends { optional: true }
      ? true
      : false;
type Required<A, K extends keyof A> = { [P in K]: MaybeLeftOut<OptionsOf<A[P]>> extends true ? never : P }[K];
type Answered<A> = { [P in keyof A]: MaybeUnanswered<OptionsOf<A[P]>> extends true ? never : P }[keyof A];
type Flat<T> = { [K in keyof T]: T[K] };

/** What an operation is given: checked inputs with defaults, everything known. */
export type InputsOf<A extends Attributes> = Flat<
  { readonly [K in Required<A, Given<A>>]: InputOf<A[K]> } & {
    readonly [K in Exclude<Given<A>, Required<A, Given<A>>>]?: InputOf<A[K]> | undefined;
  }
>;

/** What an operation answers with: all attributes, those only the provider sets included. */
export type AttributesOf<A extends Attributes> = Flat<
  { readonly [K in Answered<A>]: AnswerOf<A[K]> } & {
    readonly [K in Exclude<keyof A, Answered<A>>]?: AnswerOf<A[K]> | null | undefined;
  }
>;

/** What is recorded of an object: all attributes, as the last answer had them. */
export type RecordedOf<A extends Attributes> = Flat<
  { readonly [K in Answered<A>]: InputOf<A[K]> } & {
    readonly [K in Exclude<keyof A, Answered<A>>]?: InputOf<A[K]> | undefined;
  }
>;

/** Inputs of which some may not be known yet, and some may be left out. */
export type Unsettled<T> = T extends Secret<unknown> | Uint8Array
  ? T | Unknown
  : T extends readonly (infer Item)[]
    ? readonly Unsettled<Item>[] | Unknown
    : T extends object
      ? { readonly [K in keyof T]?: Unsettled<T[K]> } | Unknown
      : T | Unknown;

/** A value that may not be known yet, or be a reference to another resource. */
export type Open<T> = T extends null | undefined
  ? T
  : T extends Secret<unknown> | Uint8Array
    ? T | Unknown | Reference
    : T extends readonly (infer Item)[]
      ? readonly Open<Item>[] | Unknown | Reference
      : T extends object
        ? { readonly [K in keyof T]: Open<T[K]> } | Unknown | Reference
        : T | Unknown | Reference;

/** What is left of an open value when it is known. */
export type Known<T> = T extends Unknown | Reference
  ? never
  : T extends Secret<unknown> | Uint8Array
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Known<Item>[]
      : T extends object
        ? { readonly [K in keyof T]: Known<T[K]> }
        : T;

/** What `construct` of a component is given: checked inputs with defaults, as far as they are known. */
export type OpenInputsOf<A extends Attributes> = { readonly [K in keyof InputsOf<A>]: Open<InputsOf<A>[K]> };

type Needed<A> = { [K in Given<A>]: MaybeLeftOut<Omit<OptionsOf<A[K]>, "default">> extends true ? never : K }[Given<A>];
type Defaulted<A> = { [K in keyof A]: OptionsOf<A[K]> extends { default: unknown } ? K : never }[keyof A];

/** What a component declares of a type: those of its attributes that can be given. */
export type PropertiesOf<A extends Attributes> = Flat<
  { readonly [K in Exclude<Needed<A>, Defaulted<A>>]: Open<InputOf<A[K]>> } & {
    readonly [K in Exclude<Given<A>, Exclude<Needed<A>, Defaulted<A>>>]?: Open<InputOf<A[K]>> | null | undefined;
  }
>;

/** What `construct` of a component answers with: every output. */
export type OutputsOf<A extends Attributes> = {
  readonly [K in Exclude<keyof A, Given<A>>]: Open<AnswerOf<A[K]>> | null;
};

declare const ATTRIBUTES: unique symbol;

/** A type that a component can declare, with what the compiler knows of its attributes. */
export interface Declarable<A extends Attributes = Attributes> {
  readonly type: string;
  readonly schema: ResourceSchema;
  readonly [ATTRIBUTES]?: A;
}

/** Refuses members that are no options, which a generic parameter would take silently. */
type Only<O, Known> = O & { readonly [K in Exclude<keyof O, keyof Known>]: never };
type Values<O, T> = O extends { oneOf: readonly (infer One)[] } ? One : T;

const COMMON = [
  "description",
  "optional",
  "default",
  "computed",
  "output",
  "volatile",
  "replaces",
  "sensitive",
  "writeOnly",
  "oneOf",
  "renamedFrom",
  "deprecated",
  "simulated",
];

function declare<A extends Attribute>(kind: object, options: Options, known: readonly string[] = []): A {
  const names = [...COMMON, ...known];
  const odd = Object.keys(options).filter((name) => !names.includes(name));
  const problems = odd.map((name) => `there is no option \`${name}\`; the options are ${names.join(", ")}`);
  const { output = false, computed = false } = options;
  if (options.default !== undefined && (output || computed)) problems.push("what the provider sets has no default");
  if (options.volatile && !(output || computed)) problems.push("it is volatile, and not set by the provider");
  if (!options.description) problems.push("its description is missing");
  if (problems.length > 0) throw new DefinitionError("an attribute", problems);
  const schema = {
    ...kind,
    description: options.description,
    required: !(options.optional || computed || output || options.default !== undefined),
    computed: computed || output,
    output_only: output,
    volatile: options.volatile,
    replaces: options.replaces,
    sensitive: options.sensitive,
    write_only: options.writeOnly,
    default: options.default === undefined ? undefined : toJson(valueOf(options.default)),
    allowed: options.oneOf?.map((one) => toJson(valueOf(one))),
    renamed_from: options.renamedFrom,
    deprecated: options.deprecated,
    simulated: options.simulated,
  };
  return { schema: kept(schema) } as unknown as A;
}

/** Leaves out what has its default value: what is not said, `false`, empty texts and empty lists. */
export function kept<T extends object>(schema: T): T {
  const isSaid = ([name, value]: [string, unknown]): boolean =>
    value !== undefined &&
    (name === "default" || (value !== false && value !== "" && !(Array.isArray(value) && value.length === 0)));
  return mapOf(Object.entries(schema).filter(isSaid)) as T;
}

function limits(what: string, given: Limits | undefined): object {
  const [minimum, maximum] = given ?? [];
  return { [`minimum${what}`]: minimum, [`maximum${what}`]: maximum };
}

/** A text. */
export function text<const O extends TextOptions>(
  options: Only<O, TextOptions>,
): Attribute<Values<O, string>, Values<O, string>, O> {
  const { pattern, length, format, ...common } = options as TextOptions;
  try {
    new RegExp(pattern ?? "", "u");
  } catch (error) {
    throw new DefinitionError("an attribute", [`its pattern is no regular expression: ${(error as Error).message}`]);
  }
  return declare(
    { kind: "text", format: format === "any" ? undefined : format, pattern, ...limits("_length", length) },
    common,
  );
}

/** A whole number that JavaScript holds exactly: to 2⁵³. */
export function integer<const O extends IntegerOptions>(
  options: Only<O, IntegerOptions>,
): Attribute<Values<O, number>, Values<O, number>, O> {
  const { range, ...common } = options as IntegerOptions;
  return declare({ kind: "integer", ...limits("", range) }, common);
}

/** A decimal number. */
export function number<const O extends Options>(
  options: Only<O, Options>,
): Attribute<Values<O, number>, Values<O, number>, O> {
  return declare({ kind: "number" }, options);
}

/** True or false. */
export function boolean<const O extends Options>(options: Only<O, Options>): Attribute<boolean, boolean, O> {
  return declare({ kind: "boolean" }, options);
}

/** Bytes. */
export function bytes<const O extends Options>(options: Only<O, Options>): Attribute<Uint8Array, Uint8Array, O> {
  return declare({ kind: "bytes" }, options);
}

/** A JSON document, given as text or as data and compared by content. */
export function json<const O extends Options>(options: Only<O, Options>): Attribute<unknown, unknown, O> {
  return declare({ kind: "json" }, options);
}

/** Anything. */
export function any<const O extends Options>(options: Only<O, Options>): Attribute<unknown, unknown, O> {
  return declare({ kind: "any" }, options);
}

/** Values in order. */
export function list<const O extends ListOptions>(
  options: Only<O, ListOptions>,
): Attribute<readonly InputOf<O["items"]>[], readonly AnswerOf<O["items"]>[], O> {
  const { items, unordered, length, ...common } = options as ListOptions;
  return declare({ kind: "list", items: element(items), unordered, ...limits("_items", length) }, common);
}

/** Values by free keys. */
export function map<const O extends MapOptions>(
  options: Only<O, MapOptions>,
): Attribute<Readonly<Record<string, InputOf<O["values"]>>>, Readonly<Record<string, AnswerOf<O["values"]>>>, O> {
  const { values, ...common } = options as MapOptions;
  return declare({ kind: "map", values: element(values) }, common);
}

/** Values by fixed keys. */
export function object<const O extends ObjectOptions>(
  options: Only<O, ObjectOptions>,
): Attribute<InputsOf<O["attributes"]>, AttributesOf<O["attributes"]>, O> {
  const { attributes, ...common } = options as ObjectOptions;
  return declare({ kind: "object", attributes: schemasOf(attributes) }, common);
}

/** An element of a list or a map is there or not: that it is required says nothing. */
function element({ schema }: Attribute): AttributeSchema {
  const { required: _, ...rest } = schema;
  return rest as AttributeSchema;
}

/** Returns the schemas of attributes. */
export function schemasOf(attributes: Attributes): AttributeSchemas {
  return mapOf(Object.entries(attributes).map(([name, { schema }]) => [name, schema]));
}
