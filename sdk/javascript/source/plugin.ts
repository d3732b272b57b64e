/** A plugin's definition: what it is, what it wants, and the types and functions it has. */

import { DefinitionError } from "./attributes.ts";
import type { CallDetails } from "./call.ts";
import type { Component } from "./component.ts";
import { Failure } from "./failure.ts";
import type { PluginFunction } from "./function.ts";
import type { Resource } from "./resource.ts";
import type { Value } from "./values.ts";

/** An endpoint the plugin wants to call. Where it is and what authenticates requests is the operator's to say. */
export interface EndpointRequest {
  readonly id: string;
  /** Why it is wanted, for the person who grants it. */
  readonly reason: string;
  /** The methods it uses; none stands for all. */
  readonly methods?: readonly string[];
  readonly protocol?: "http" | "aws" | "azure" | "google";
  /** The plugin's name where it is not said. */
  readonly service?: string;
}

/** A secret attribute the plugin has to see as it is. */
export interface Reveal {
  readonly resourceType: string;
  readonly attribute: string;
  readonly reason: string;
}

export interface PluginDefinition {
  /** The first part of its types. */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly resources: readonly Resource[];
  readonly components?: readonly Component[];
  readonly functions?: readonly PluginFunction[];
  /** The fields of the run's metadata that components see: `project`, `stack`, `owner`. */
  readonly metadata?: readonly string[];
  /** The other plugins whose types its components declare. */
  readonly declares?: readonly string[];
  readonly endpoints?: readonly EndpointRequest[];
  readonly reveals?: readonly Reveal[];
  /** The JSON Schema of the plugin's own section of the configuration, where it reads one. */
  readonly configSchema?: object;
}

/** Declares a plugin.
 *
 * Throws a `DefinitionError` with everything that is wrong. */
export function plugin(definition: PluginDefinition): Plugin {
  return new Plugin(definition);
}

/** A declared plugin. */
export class Plugin {
  readonly definition: PluginDefinition;
  readonly #resources: ReadonlyMap<string, Resource>;
  readonly #components: ReadonlyMap<string, Component>;
  readonly #functions: ReadonlyMap<string, PluginFunction>;

  constructor(definition: PluginDefinition) {
    const { name, resources, components = [], functions = [] } = definition;
    const types = resources.map((resource) => resource.type);
    const every = [...types, ...components.map((component) => component.type)];
    const called = functions.map((one) => one.name);
    const strange = every.filter((type) => !type.startsWith(`${name}:`));
    const revealed = (definition.reveals ?? [])
      .map((reveal) => reveal.resourceType)
      .filter((type) => !types.includes(type));
    const problems = [
      ...strange.map((type) => `the type \`${type}\` does not begin with \`${name}:\``),
      ...twice(every).map((type) => `the type \`${type}\` is defined twice`),
      ...twice(called).map((one) => `the function \`${one}\` is defined twice`),
      ...revealed.map((type) => `it wants to see a secret of \`${type}\`, which it does not define`),
    ];
    if (problems.length > 0) throw new DefinitionError(name, problems);
    this.definition = definition;
    this.#resources = new Map(resources.map((resource) => [resource.type, resource]));
    this.#components = new Map(components.map((component) => [component.type, component]));
    this.#functions = new Map(functions.map((one) => [one.name, one]));
  }

  /** Returns what the plugin says about itself. */
  manifest(): object {
    const { name, version, description, resources, endpoints = [], reveals = [], configSchema } = this.definition;
    const { components = [], functions = [], metadata = [], declares = [] } = this.definition;
    return {
      name,
      version,
      description,
      resource_types: resources.map((resource) => resource.type),
      component_types: components.map((component) => component.type),
      functions: functions.map((one) => one.name),
      metadata,
      declares,
      modules: configSchema === undefined ? [] : [name],
      endpoints: endpoints.map((one) => ({
        id: one.id,
        protocol: one.protocol ?? "http",
        service: one.service ?? name,
        methods: one.methods ?? [],
        reason: one.reason,
      })),
      reveals: reveals.map((one) => ({
        resource_type: one.resourceType,
        attribute: one.attribute,
        reason: one.reason,
      })),
    };
  }

  /** Returns a type of the plugin.
   *
   * Throws a `Failure` where it has none of that name. */
  resource(type: string): Resource {
    const found = this.#resources.get(type);
    if (found === undefined) throw new Failure("unsupported", `this plugin has no type \`${type}\``);
    return found;
  }

  /** Returns a component type of the plugin.
   *
   * Throws a `Failure` where it has none of that name. */
  component(type: string): Component {
    const found = this.#components.get(type);
    if (found === undefined) throw new Failure("unsupported", `this plugin has no component type \`${type}\``);
    return found;
  }

  /** Returns a resource or component type of the plugin.
   *
   * Throws a `Failure` where it has none of that name. */
  type(type: string): Resource | Component {
    return this.#components.get(type) ?? this.resource(type);
  }

  /** Calls a function.
   *
   * Throws a `Failure` where there is none of that name, or its arguments are wrong. */
  invoke(called: string, details: CallDetails, given: Value): Value {
    const found = this.#functions.get(called);
    if (found === undefined) throw new Failure("unsupported", `this plugin has no function \`${called}\``);
    return found.invoke(details, given);
  }
}

function twice(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
