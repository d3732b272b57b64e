/** Functions: what a plugin answers without managing an object, such as a look-up. */

import { DefinitionError, schemasOf } from "./attributes.ts";
import type { Attributes, InputsOf } from "./attributes.ts";
import { Call } from "./call.ts";
import type { CallDetails } from "./call.ts";
import { checkInputs } from "./check.ts";
import { Failure } from "./failure.ts";
import { isMap, isWhollyKnown, reveal, valueOf } from "./values.ts";
import type { Value } from "./values.ts";
import { view, viewOfMap } from "./view.ts";

export interface FunctionDefinition<A extends Attributes> {
  /** What it is called by. */
  readonly name: string;
  /** What it answers with, for a person: a sentence or two. */
  readonly description: string;
  /** What it is given. */
  readonly arguments: A;
  /** Answers with data. */
  invoke(call: Call<A>, given: InputsOf<A>): unknown;
}

/** Declares a function of the plugin.
 *
 * Throws a `DefinitionError` with everything that is wrong. */
export function pluginFunction<const A extends Attributes>(definition: FunctionDefinition<A>): PluginFunction {
  return new PluginFunction(definition as unknown as FunctionDefinition<Attributes>);
}

/** A declared function. */
export class PluginFunction {
  readonly name: string;
  readonly #definition: FunctionDefinition<Attributes>;

  constructor(definition: FunctionDefinition<Attributes>) {
    const problems: string[] = [];
    if (!definition.name) problems.push("its name is missing");
    if (!definition.description) problems.push("its description is missing");
    if (typeof definition.invoke !== "function") problems.push("`invoke` is missing");
    for (const [name, { schema }] of Object.entries(definition.arguments)) {
      if (schema.computed) problems.push(`\`${name}\` is an argument, and cannot be set by the provider`);
    }
    if (problems.length > 0) throw new DefinitionError(definition.name || "a function", problems);
    this.name = definition.name;
    this.#definition = definition;
  }

  /** Checks the arguments, and answers.
   *
   * Throws a `Failure` with everything that is wrong with them. */
  invoke(details: CallDetails, given: Value): Value {
    const attributes = schemasOf(this.#definition.arguments);
    const { inputs, diagnostics } = checkInputs({ attributes }, given);
    const errors = diagnostics.filter((found) => (found.severity ?? "error") === "error");
    if (errors.length > 0) {
      throw new Failure("invalid", `the arguments of \`${this.name}\` are wrong`, { diagnostics: errors });
    }
    const known = reveal(inputs);
    if (!isMap(known) || !isWhollyKnown(known)) {
      throw new Failure("invalid", `an argument of \`${this.name}\` is not known yet`);
    }
    const call = new Call(details.host, {
      config: view({ kind: "any" }, details.config),
      name: details.name,
      idempotencyToken: "",
      filter: null,
      prior: undefined,
    });
    const answer = this.#definition.invoke(call, viewOfMap(attributes, known) as InputsOf<Attributes>);
    if (answer instanceof Promise) {
      throw new Failure(
        "other",
        `\`${this.name}\` answered with a promise, and calls in the sandbox are never asynchronous`,
      );
    }
    return valueOf(answer);
  }
}
