/** The exports of a plugin inside the sandbox; outside of it this module cannot be imported. `konductor-componentize`
 * writes the module that calls `exportsOf`. */

/// <reference path="./host.d.ts" />

import clock from "konductor:plugin/clock@0.1.0";
import cloud from "konductor:plugin/cloud@0.1.0";
import log from "konductor:plugin/log@0.1.0";
import random from "konductor:plugin/random@0.1.0";

import { textOf, utf8 } from "./bytes.ts";
import { Deleted, InProgress } from "./call.ts";
import type { CallDetails, Host, Settled, StoredObject } from "./call.ts";
import { Response, SendError } from "./cloud.ts";
import type { SendErrorKind } from "./cloud.ts";
import { Failure } from "./failure.ts";
import { answering, diagnosticsOut, errorOut } from "./guest_answers.ts";
import { decode, encode, pathOut } from "./nodes.ts";
import type { Node } from "./nodes.ts";
import type { Plugin } from "./plugin.ts";
import type { Operation } from "./resource.ts";
import type { Value } from "./values.ts";
import { view } from "./view.ts";

type Table = readonly Node[];

interface WitObject {
  readonly id: string;
  readonly attributes: Table;
  readonly private: Uint8Array;
  readonly schemaVersion: number;
}

/** The parts that requests have; each has those that its function's record names. */
interface WitRequest {
  readonly resourceType: string;
  readonly name: string;
  readonly id: string;
  readonly inputs: Table;
  readonly planned: Table;
  readonly prior: WitObject | null;
  readonly idempotencyToken: string;
  readonly filter: Table;
  readonly handle: Uint8Array;
  readonly target: string;
  readonly metadata: Table;
}

const sandbox: Host = {
  send(request) {
    try {
      const answer = cloud.send({
        endpoint: request.endpoint,
        region: request.region ?? null,
        method: request.method,
        path: request.path,
        query: request.query.map(([name, value]) => [name, value]),
        headers: request.headers.map(([name, value]) => [name, value]),
        body: request.body,
        idempotent: request.idempotent,
      });
      return new Response(answer.status, answer.headers, answer.body);
    } catch (error) {
      const { tag, val } = error as { tag?: SendErrorKind; val?: string };
      throw tag === undefined ? error : new SendError(tag, String(val));
    }
  },
  log: (level, message, fields) => log.write(level, message, Object.entries(fields)),
  now: () => Number(clock.now()),
  random: (length) => random.bytes(length),
};

// Each operation has an instance of its own, which is configured first.
let config: Value = null;

function objectIn(found: WitObject | null | undefined): StoredObject | undefined {
  return found ? { ...found, attributes: decode(found.attributes) } : undefined;
}

function objectOut(found: StoredObject): WitObject {
  return {
    id: found.id,
    attributes: encode(found.attributes),
    private: found.private,
    schemaVersion: found.schemaVersion,
  };
}

/** Returns what a call answers with or throws, as the interface's result. */
function resultOf(call: () => unknown): object {
  try {
    return { tag: "ok", val: call() };
  } catch (error) {
    return { tag: "err", val: error };
  }
}

function progressOut(found: InProgress): object {
  return {
    handle: utf8(JSON.stringify(found.handle ?? null)),
    retryAfterMilliseconds: found.retryAfterMilliseconds,
    id: found.id ?? null,
    message: found.message,
  };
}

function outcomeOut(outcome: Settled): object {
  if (outcome instanceof InProgress) return { tag: "in-progress", val: progressOut(outcome) };
  if (outcome instanceof Deleted) return { tag: "deleted" };
  if ("reason" in outcome) {
    return { tag: "partial", val: { object: objectOut(outcome.object), reason: errorOut(outcome.reason) } };
  }
  return { tag: "complete", val: objectOut(outcome) };
}

function handleIn(handle: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(handle) ?? "") as unknown;
  } catch {
    throw new Failure("other", "the handle of the operation was not made by this plugin");
  }
}

function detailsOf(request: Partial<WitRequest>): CallDetails {
  return {
    host: sandbox,
    config,
    name: request.name ?? "",
    idempotencyToken: request.idempotencyToken ?? "",
    prior: objectIn(request.prior),
    planned: request.planned === undefined ? null : decode(request.planned),
    filter: request.filter === undefined ? null : decode(request.filter),
  };
}

/** Returns what the component exports. */
export function exportsOf(plugin: Plugin): { plugin: object; provider: object; operations: object; module: object } {
  const { name, configSchema } = plugin.definition;

  const moduleSchema = (asked: string): object => {
    if (configSchema === undefined || asked !== name) {
      throw new Failure("unsupported", `this plugin has no module \`${asked}\``);
    }
    return configSchema;
  };

  const read = answering((request: WitRequest) => {
    const found = plugin.resource(request.resourceType).read(detailsOf(request), request.id);
    return found === undefined ? null : objectOut(found);
  });

  return {
    plugin: {
      describe: () => JSON.stringify(plugin.manifest()),
    },
    provider: {
      check: answering((request: WitRequest) => {
        const { inputs, diagnostics } = plugin.type(request.resourceType).check(decode(request.inputs));
        const errors = diagnostics.some((found) => (found.severity ?? "error") === "error");
        // What could not be read exactly is among the errors, and cannot be written back.
        const checked = errors ? request.inputs : encode(inputs);
        return { inputs: checked, diagnostics: diagnosticsOut(diagnostics) };
      }),
      plan: answering((request: WitRequest) => {
        const plan = plugin.resource(request.resourceType).plan(objectIn(request.prior), decode(request.inputs));
        const changes = plan.changes.map((change) => ({ ...change, at: pathOut(change.at) }));
        return {
          planned: encode(plan.planned),
          changes,
          deleteBeforeReplace: plan.deleteBeforeReplace,
          private: new Uint8Array(),
          diagnostics: diagnosticsOut(plan.diagnostics),
        };
      }),
      upgradeState: answering((type: string, stored: WitObject) =>
        objectOut(plugin.resource(type).upgrade(objectIn(stored) as StoredObject)),
      ),
      requiredPermissions: (type: string, operation: Operation) => {
        const known = plugin.definition.resources.find((resource) => resource.type === type);
        return [...(known?.permissions(operation) ?? [])];
      },
      schema: answering((type: string) => JSON.stringify(plugin.type(type).schema)),
    },
    operations: {
      configure: answering((given: Table) => {
        config = decode(given);
      }),
      create: answering((request: WitRequest) =>
        outcomeOut(plugin.resource(request.resourceType).create(detailsOf(request), decode(request.inputs))),
      ),
      read,
      readMany: answering((requests: WitRequest[]) => {
        const [first] = requests;
        if (first === undefined) return [];
        if (requests.some((request) => request.resourceType !== first.resourceType)) {
          return requests.map((request) => resultOf(() => read(request)));
        }
        const wanted = requests.map((request) => ({ ...detailsOf(request), id: request.id }));
        const answers = plugin.resource(first.resourceType).readMany(detailsOf({}), wanted);
        return answers.map((found) =>
          found instanceof Failure
            ? { tag: "err", val: errorOut(found) }
            : { tag: "ok", val: found === undefined ? null : objectOut(found) },
        );
      }),
      list: answering((request: WitRequest) => {
        const found = plugin.resource(request.resourceType).list(detailsOf(request));
        return { objects: found.map(objectOut), nextCursor: null };
      }),
      update: answering((request: WitRequest) => {
        const id = request.prior?.id ?? "";
        return outcomeOut(plugin.resource(request.resourceType).update(detailsOf(request), id, decode(request.inputs)));
      }),
      delete: answering((request: WitRequest) => {
        const outcome = plugin.resource(request.resourceType).delete(detailsOf(request), request.prior?.id ?? "");
        return outcome === undefined ? { tag: "complete" } : { tag: "in-progress", val: progressOut(outcome) };
      }),
      import: answering((type: string, called: string, id: string) => {
        const { object, inputs } = plugin.resource(type).import(detailsOf({ name: called }), id);
        return { object: objectOut(object), inputs: encode(inputs) };
      }),
      poll: answering((request: WitRequest) => {
        const resource = plugin.resource(request.resourceType);
        return outcomeOut(resource.poll(detailsOf(request), handleIn(request.handle)));
      }),
      invoke: answering((called: string, given: Table) => encode(plugin.invoke(called, detailsOf({}), decode(given)))),
    },
    module: {
      configSchema: answering((asked: string) => JSON.stringify(moduleSchema(asked))),
      defaults: answering((asked: string) => {
        moduleSchema(asked);
        return encode(null);
      }),
      dependencies: () => [],
      construct: answering((request: WitRequest) => {
        // A component's type has colons in it, and the name of a module has none.
        if (!request.target.includes(":")) {
          moduleSchema(request.target);
          return { declarations: [], outputs: encode({}), diagnostics: [] };
        }
        const metadata = view({ kind: "any" }, decode(request.metadata)) as Record<string, unknown>;
        const made = plugin.component(request.target).construct(request.name, decode(request.inputs), metadata);
        return {
          declarations: made.declarations.map((one) => ({
            name: one.name,
            typeName: one.type,
            properties: encode(one.properties),
            options: encode(one.options),
          })),
          outputs: encode(made.outputs),
          diagnostics: diagnosticsOut(made.diagnostics),
        };
      }),
    },
  };
}
