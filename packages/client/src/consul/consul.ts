import { EventEmitter } from "node:events";
import { Caller, type Method } from "./caller.ts";
import type { Response } from "./errors.ts";
import { type Fields, plainNames } from "./fields.ts";
import { ARGUMENTS, METHODS, type MethodName } from "./methods.ts";
import { Connection, type ConnectionOptions } from "./request.ts";
import { Watch, type WatchOptions } from "./watch.ts";

export interface ConsulOptions extends ConnectionOptions {
  /** Options of every call that does not name its own: dc, token, consistent, stale, wait, timeout, wan, partition. */
  readonly defaults?: Fields;
}

// biome-ignore lint/suspicious/noExplicitAny: npm's client says no more about its arguments and answers
type Call = (...given: any[]) => Promise<any>;
/** `"agent.check.pass"` as a path of properties. */
type Tree<Names extends string> = {
  readonly [Head in Names as Head extends `${infer First}.${string}` ? First : Head]: Tree<
    Names extends `${Head extends `${infer First}.${string}` ? First : never}.${infer Rest}` ? Rest : never
  > &
    (Head extends `${string}.${string}` ? unknown : Call);
};

export interface Consul extends Tree<MethodName> {}

/** What npm's `consul` is, by the same names: `consul.kv.get(key)`. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the constructor puts every method of the interface in place
export class Consul extends EventEmitter {
  readonly #connection: Connection;
  readonly #caller: Caller;

  constructor(options?: ConsulOptions | null) {
    super();
    const { defaults, ...connection } = options ?? {};
    this.#connection = new Connection(connection);
    this.#caller = new Caller(this.#connection, defaults);
    for (const [name, method] of Object.entries(METHODS)) this.#place(name as MethodName, method);
  }

  #place(name: MethodName, method: Method): void {
    const path = name.split(".");
    const last = path.pop() as string;
    let at = this as unknown as Record<string, Record<string, unknown>>;
    for (const part of path) {
      at[part] ??= {};
      at = at[part] as typeof at;
    }
    const argument = ARGUMENTS[name];
    const call: Call = (...given) =>
      this.#caller.call(name, method, argument === undefined ? given[0] : argument(given));
    // A group may have the name of a method (`catalog.node` and `catalog.nodes` do not, `acl.legacy` does not either).
    (at as Record<string, unknown>)[last] = call;
  }

  watch(options: WatchOptions): Watch {
    return new Watch(this, this.#caller, options);
  }

  /** Closes kept connections. */
  destroy(): void {
    this.#connection.destroy();
  }

  /** What an answer's headers say. */
  static parseQueryMeta(response: Response | undefined): Fields {
    const headers = plainNames(response?.headers) as Readonly<Record<string, string | undefined>>;
    const index = headers["x-consul-index"];
    const contact = headers["x-consul-lastcontact"];
    const leader = headers["x-consul-knownleader"];
    const translated = headers["x-consul-translate-addresses"];
    return {
      ...(index === undefined ? {} : { LastIndex: index }),
      ...(contact === undefined ? {} : { LastContact: Number.parseInt(contact, 10) }),
      ...(leader === undefined ? {} : { KnownLeader: leader === "true" }),
      ...(translated === undefined ? {} : { AddressTranslationEnabled: translated === "true" }),
    };
  }
}
