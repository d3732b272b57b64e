/** Schemas in the JSON form that the host reads. Members with their default value are left out. */

export type TextFormat = "any" | "ipv4-cidr" | "ipv6-cidr" | "cidr" | "ipv4-address" | "base64";

/** The form of a type's name. */
export const TYPE_NAME = /^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*:[A-Z][A-Za-z0-9]*$/;

interface Flags {
  readonly description?: string;
  readonly required?: boolean;
  readonly computed?: boolean;
  readonly output_only?: boolean;
  readonly volatile?: boolean;
  readonly replaces?: boolean;
  readonly sensitive?: boolean;
  readonly write_only?: boolean;
  /** In the lossless JSON form of values. */
  readonly default?: unknown;
  readonly allowed?: readonly unknown[];
  readonly pattern?: string;
  readonly renamed_from?: string;
  readonly deprecated?: string;
  readonly simulated?: string;
}

export type AttributeKind =
  | { readonly kind: "any" | "boolean" | "number" | "bytes" | "json" }
  | { readonly kind: "integer"; readonly minimum?: number; readonly maximum?: number }
  | {
      readonly kind: "text";
      readonly format?: TextFormat;
      readonly minimum_length?: number;
      readonly maximum_length?: number;
    }
  | {
      readonly kind: "list";
      readonly items: AttributeSchema;
      readonly unordered?: boolean;
      readonly minimum_items?: number;
      readonly maximum_items?: number;
    }
  | { readonly kind: "map"; readonly values: AttributeSchema }
  | { readonly kind: "object"; readonly attributes: AttributeSchemas };

export type AttributeSchema = Flags & AttributeKind;

export interface AttributeSchemas {
  readonly [name: string]: AttributeSchema;
}

export interface Example {
  readonly title: string;
  /** A `resources:` section in YAML. */
  readonly yaml: string;
}

export interface ResourceSchema {
  readonly type: string;
  /** A resource where it is not said. */
  readonly kind?: "resource" | "component";
  readonly description: string;
  readonly version?: number;
  readonly attributes: AttributeSchemas;
  /** Every resource has one, and no component. */
  readonly identity?: {
    readonly format: string;
    readonly description?: string;
    readonly attributes?: readonly string[];
  };
  readonly tags?: string;
  readonly delete_before_replace?: boolean;
  readonly batch_read?: boolean;
  readonly examples?: readonly Example[];
}

const FORMATS: Readonly<Record<TextFormat, string>> = {
  any: "text",
  "ipv4-cidr": "IPv4 CIDR block",
  "ipv6-cidr": "IPv6 CIDR block",
  cidr: "CIDR block",
  "ipv4-address": "IPv4 address",
  base64: "base64 text",
};

/** Returns the name of an attribute's kind as people write it: `list of text`. */
export function describe(attribute: AttributeSchema): string {
  switch (attribute.kind) {
    case "any":
      return "any value";
    case "text":
      return FORMATS[attribute.format ?? "any"] ?? "text";
    case "list":
      return `list of ${describe(attribute.items)}`;
    case "map":
      return `map of ${describe(attribute.values)}`;
    case "json":
      return "JSON document";
  }
  return attribute.kind;
}
