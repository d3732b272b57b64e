/** Write Konductor plugins in TypeScript. See docs/languages.md. */

export { DefinitionError, any, boolean, bytes, integer, json, list, map, number, object, text } from "./attributes.ts";
export type {
  Attribute,
  Attributes,
  AttributesOf,
  Declarable,
  InputsOf,
  Known,
  Open,
  OpenInputsOf,
  OutputsOf,
  PropertiesOf,
  RecordedOf,
  Unsettled,
} from "./attributes.ts";
export { textOf, utf8 } from "./bytes.ts";
export { Call, Deleted, InProgress, Partial } from "./call.ts";
export type { Answer, CallDetails, Host, LogLevel, Outcome, Reading, Recorded, StoredObject } from "./call.ts";
export { Endpoint, Response, SendError, nextLink, pathOf, plain } from "./cloud.ts";
export type { EndpointOptions, NextPage, Request, SendOptions, Sender } from "./cloud.ts";
export { Component, Construction, Sibling, component } from "./component.ts";
export type { ComponentDefinition, Constructed, Declaration, DeclarationOptions } from "./component.ts";
export type { Diagnostic, Path, Step } from "./diagnostics.ts";
export { Failure, dispositionOf } from "./failure.ts";
export type { Disposition, FailureDetails } from "./failure.ts";
export { PluginFunction, pluginFunction } from "./function.ts";
export type { FunctionDefinition } from "./function.ts";
export { Plugin, plugin } from "./plugin.ts";
export type { EndpointRequest, PluginDefinition, Reveal } from "./plugin.ts";
export { Resource, resource } from "./resource.ts";
export type { Definition, Operation } from "./resource.ts";
export { upgrade } from "./upgrade.ts";
export type { Upgrade } from "./upgrade.ts";
export { Decimal, Reference, Secret, UNKNOWN, Unknown } from "./values.ts";
