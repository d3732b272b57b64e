/** Tests of a plugin without a sandbox: a cloud that answers by script, and the steps of an object's life. */

import { utf8 } from "./bytes.ts";
import type { CallDetails, Host, LogLevel, StoredObject } from "./call.ts";
import { Response, plain } from "./cloud.ts";
import type { Request, SendError } from "./cloud.ts";
import { pathText } from "./diagnostics.ts";
import type { Plan } from "./plan.ts";
import type { Plugin } from "./plugin.ts";
import type { Resource } from "./resource.ts";
import { reveal, sameValue, valueOf } from "./values.ts";
import type { Value, ValueMap } from "./values.ts";
import { valueOfJson } from "./values_json.ts";

/** A request that should come, and its answer. */
export interface Expected {
  readonly method: string;
  readonly path: string;
  /** What its query must be, where that matters. */
  readonly query?: Readonly<Record<string, string>>;
  /** What its JSON body must be, where that matters. */
  readonly body?: unknown;
  readonly status?: number;
  /** The answer's JSON body. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** No answer comes, but this. */
  readonly error?: SendError;
}

/** Says that something came that the script does not have, or did not come. */
export class ScriptError extends Error {
  override name = "ScriptError";
}

/** Answers requests in the order of a script, and fails on any other. */
export class ScriptedCloud implements Host {
  readonly received: Request[] = [];
  readonly logged: { level: LogLevel; message: string; fields: Readonly<Record<string, string>> }[] = [];
  readonly #script: Expected[];

  constructor(...script: Expected[]) {
    this.#script = script;
  }

  send(request: Request): Response {
    this.received.push(request);
    const told = `${request.method} ${request.path}`;
    const expected = this.#script.shift();
    if (expected === undefined) throw new ScriptError(`${told} came after the end of the script`);
    if (expected.method !== request.method || expected.path !== request.path) {
      throw new ScriptError(`${told} came, ${expected.method} ${expected.path} was expected`);
    }
    const query = Object.fromEntries(request.query);
    if (expected.query !== undefined && !sameValue(query, { ...expected.query })) {
      throw new ScriptError(
        `${told} asks for ${JSON.stringify(query)}, ${JSON.stringify(expected.query)} was expected`,
      );
    }
    const body = new Response(200, [], request.body).json();
    if (expected.body !== undefined && !sameValue(valueOfJson(body ?? null), valueOf(plain(expected.body)))) {
      throw new ScriptError(`${told} carries ${JSON.stringify(body)}, ${JSON.stringify(expected.body)} was expected`);
    }
    if (expected.error !== undefined) throw expected.error;
    const answer = expected.json === undefined ? new Uint8Array() : utf8(JSON.stringify(expected.json));
    return new Response(expected.status ?? 200, Object.entries(expected.headers ?? {}), answer);
  }

  log(level: LogLevel, message: string, fields: Readonly<Record<string, string>>): void {
    this.logged.push({ level, message, fields });
  }

  now(): number {
    return 946_684_800_000;
  }

  random(length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, index) => (index * 167 + 13) % 256);
  }

  /** Fails where requests of the script did not come. */
  finish(): void {
    const left = this.#script.map((one) => `${one.method} ${one.path}`).join(", ");
    if (left !== "") throw new ScriptError(`these requests did not come: ${left}`);
  }
}

/** One object's life: each step checks, plans and does what the host would. */
export class Lifecycle {
  readonly #resource: Resource;
  readonly #host: Host;
  readonly #config: Value;
  #object: StoredObject | undefined;
  #inputs: Value = null;

  constructor(plugin: Plugin, type: string, host: Host, config: unknown = null) {
    this.#resource = plugin.resource(type);
    this.#host = host;
    this.#config = valueOf(config);
  }

  /** The object as the host keeps it; nothing before it is made and after it is deleted. */
  get object(): StoredObject | undefined {
    return this.#object;
  }

  /** The object's attributes, with their secret marks. */
  get attributes(): ValueMap {
    return reveal(this.#existing().attributes) as ValueMap;
  }

  /** Checks and plans, and fails where the inputs are not good. */
  plan(inputs: object): Plan {
    const { inputs: checked, diagnostics } = this.#resource.check(valueOf(inputs));
    const errors = diagnostics.filter((found) => (found.severity ?? "error") === "error");
    if (errors.length > 0) {
      const told = errors.map((found) => `${pathText(found.at ?? [])}: ${found.summary}`.replace(/^: /, ""));
      throw new ScriptError(`the inputs are wrong: ${told.join("; ")}`);
    }
    this.#inputs = checked;
    return this.#resource.plan(this.#object, checked);
  }

  /** Creates, updates or replaces, as the plan says, and checks that nothing is left to change. */
  apply(inputs: object, idempotencyToken = "token"): Plan {
    const plan = this.plan(inputs);
    const given = this.#inputs;
    if (this.#object !== undefined && plan.changes.some((change) => change.requiresReplacement)) this.delete();
    const details = { ...this.#details(), planned: plan.planned, idempotencyToken };
    if (this.#object !== undefined && plan.changes.length === 0) return plan;
    const outcome =
      this.#object === undefined
        ? this.#resource.create(details, given)
        : this.#resource.update(details, this.#object.id, given);
    if (!("attributes" in outcome))
      throw new ScriptError(`it ended with ${outcome.constructor.name}, not with an object`);
    this.#object = outcome;
    const left = this.#resource.plan(outcome, given).changes.map((change) => pathText(change.at));
    if (left.length > 0) throw new ScriptError(`a second plan finds changes: ${left.join(", ")}`);
    return plan;
  }

  /** Reads the object as a refresh does. */
  read(): StoredObject | undefined {
    return this.#resource.read(this.#details(), this.#existing().id);
  }

  /** Lists what exists. */
  list(filter: object = {}): StoredObject[] {
    return this.#resource.list({ ...this.#details(), filter: valueOf(filter) });
  }

  /** Takes over an object that exists already, and checks that nothing is left to change. */
  import(id: string): void {
    const { object, inputs } = this.#resource.import(this.#details(), id);
    this.#object = object;
    const left = this.plan(inputs as object).changes.map((change) => pathText(change.at));
    if (left.length > 0) throw new ScriptError(`a plan after the import finds changes: ${left.join(", ")}`);
  }

  /** Deletes the object. */
  delete(): void {
    const outcome = this.#resource.delete({ ...this.#details(), idempotencyToken: "token" }, this.#existing().id);
    if (outcome !== undefined) throw new ScriptError(`it is still under way: ${outcome.message}`);
    this.#object = undefined;
  }

  #existing(): StoredObject {
    if (this.#object === undefined) throw new ScriptError("there is no object yet");
    return this.#object;
  }

  #details(): CallDetails {
    return { host: this.#host, config: this.#config, name: "test", prior: this.#object };
  }
}
