/** A plugin's definition: what it is, what it wants, and the resource types it manages. */

import { DefinitionError } from "./attributes.ts";
import { Failure } from "./failure.ts";
import type { Resource } from "./resource.ts";

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

  constructor(definition: PluginDefinition) {
    const { name, resources } = definition;
    const types = resources.map((resource) => resource.type);
    const strange = types.filter((type) => !type.startsWith(`${name}:`));
    const twice = new Set(types.filter((type, index) => types.indexOf(type) !== index));
    const revealed = (definition.reveals ?? [])
      .map((reveal) => reveal.resourceType)
      .filter((type) => !types.includes(type));
    const problems = [
      ...strange.map((type) => `the type \`${type}\` does not begin with \`${name}:\``),
      ...[...twice].map((type) => `the type \`${type}\` is defined twice`),
      ...revealed.map((type) => `it wants to see a secret of \`${type}\`, which it does not define`),
    ];
    if (problems.length > 0) throw new DefinitionError(name, problems);
    this.definition = definition;
    this.#resources = new Map(resources.map((resource) => [resource.type, resource]));
  }

  /** Returns what the plugin says about itself. */
  manifest(): object {
    const { name, version, description, resources, endpoints = [], reveals = [], configSchema } = this.definition;
    return {
      name,
      version,
      description,
      resource_types: resources.map((resource) => resource.type),
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
}
