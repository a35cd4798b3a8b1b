/** What a contract says about the request of a call, worked out once so that a call only has to fill it in. */
import { type AnyContract, COMMON_PARAMETERS, commonParametersOf, type Parameter, toJson } from "@tribune/api";
import { isIdempotent } from "./idempotent.ts";
import { stringifyJson } from "./json-text.ts";
import type { Body } from "./send.ts";

export type Given = Readonly<Record<string, unknown>>;

/** Of a call that says nothing but its endpoint's own parameters. */
export const NO_OPTIONS: Given = {};

interface QueryField {
  readonly property: string;
  /** Its name in the URL, escaped. */
  readonly name: string;
  readonly type: Parameter<unknown>["type"];
}

export class CallPlan {
  readonly name: string;
  readonly contract: AnyContract;
  readonly method: string;
  /** The call is about the very agent that is asked, so no other may answer it. */
  readonly ofAgent: boolean;
  /** Whether `index` or `hash` may make it wait. */
  readonly waits: boolean;
  /** Whether the answer may come from the agent's cache. */
  readonly mayBeCached: boolean;
  /** Whether the answer may say how it was read. */
  readonly mayHaveConsistency: boolean;
  /** Whether the answer may have a hash to wait by, which only agents say of what is their own. */
  readonly mayHaveHash: boolean;
  readonly #before: string;
  readonly #behind: string;
  readonly #path: string | undefined;
  readonly #when: string | undefined;
  readonly #query: readonly QueryField[];
  readonly #common: readonly QueryField[];
  readonly #body: readonly [string, Parameter<unknown>] | undefined;

  constructor(name: string, contract: AnyContract) {
    this.name = name;
    this.contract = contract;
    const [method, route] = contract.http.split(" ") as [string, string];
    this.method = method;
    this.ofAgent = contract.kind === "local" && /^\/v1\/(agent|event)\//.test(route);
    const [before = "", behind = ""] = route.split(/[:*]\w+/);
    this.#before = before;
    this.#behind = behind;
    this.#when = contract.when;
    const parameters = Object.entries(contract.parameters as Record<string, Parameter<unknown>>);
    this.#path = parameters.find(([, { in: place }]) => place === "path")?.[0];
    this.#body = parameters.find(([, { in: place }]) => place === "body");
    this.#query = parameters.flatMap(([property, { in: place, name: own, type }]) =>
      place === "query" ? [{ property, name: own ?? property, type }] : [],
    );
    const common = commonParametersOf(contract).filter((property) => property !== "pretty");
    this.#common = common.map((property) => {
      const { name: own, type }: Parameter<unknown> = COMMON_PARAMETERS[property];
      return { property, name: own ?? property, type };
    });
    this.waits = common.includes("wait");
    this.mayBeCached = common.includes("cached") || contract.kind === "local";
    this.mayHaveHash = contract.kind === "local";
    this.mayHaveConsistency = "saysConsistency" in contract && contract.saysConsistency === true;
  }

  /** Path and query. @param dc for a call that names none */
  target(given: Given, call: Given, dc: string | undefined): string {
    let query = this.#when === undefined ? "" : `&${this.#when}=`;
    for (const field of this.#query) query += written(field, given[field.property]);
    if (call !== NO_OPTIONS || dc !== undefined)
      for (const field of this.#common) {
        const own = call[field.property];
        query += written(field, own === undefined && field.property === "dc" ? dc : own);
      }
    const path =
      this.#path === undefined ? this.#before : this.#before + escaped(String(given[this.#path])) + this.#behind;
    return query === "" ? path : `${path}?${query.slice(1)}`;
  }

  body(given: Given): Body | undefined {
    if (this.#body === undefined) return undefined;
    const [property, parameter] = this.#body;
    const value = given[property];
    if (value === undefined) return undefined;
    const schema = parameter.schema ?? parameter.shape;
    return schema === undefined ? (value as Body) : stringifyJson(toJson(schema, value));
  }

  isIdempotent(given: Given): boolean {
    return isIdempotent(this.name, this.contract, given);
  }
}

function written({ name, type }: QueryField, value: unknown): string {
  if (value === undefined) return "";
  if (type === "boolean") return value === true ? `&${name}=` : "";
  let text = "";
  if (type === "strings") for (const each of value as readonly string[]) text += `&${name}=${encodeURIComponent(each)}`;
  else if (type === "meta")
    for (const [key, each] of Object.entries((value as Given | null) ?? {}))
      text += `&${name}=${encodeURIComponent(`${key}:${each}`)}`;
  else text = `&${name}=${encodeURIComponent(String(value))}`;
  return text;
}

/** Slashes of keys and names stay: the parameter takes the rest of the path. */
function escaped(value: string): string {
  // A URL with such a part leads somewhere else: `kv/../agent/leave` is `/v1/agent/leave`.
  if (value.includes(".") && value.split("/").some((part) => part === "." || part === ".."))
    throw new TypeError(`"${value}" cannot be asked for: a URL has no place for its part . or ..`);
  return /^[\w./~-]*$/.test(value) ? value : value.split("/").map(encodeURIComponent).join("/");
}
