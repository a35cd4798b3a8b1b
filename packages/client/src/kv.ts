import type { CallOptions, ContractClient } from "./contract-client.ts";
import { isTransient, wasNotApplied } from "./failures.ts";
import { backoffMs, delay, type Surroundings } from "./surroundings.ts";
import type { KvEntry } from "./watch/watches.ts";

/** What an update returns to have the key deleted. */
export const DELETE: unique symbol = Symbol("delete the key");

export interface WriteOptions extends CallOptions {
  readonly flags?: number | bigint | undefined;
}
export interface UpdateOptions extends WriteOptions {
  /** Applying the update twice is as good as once: go on when it is not known whether a write got through. */
  readonly idempotent?: boolean | undefined;
}

/** The update lost against others too often. */
export class ContentionError extends Error {
  override readonly name = "ContentionError";
}

const UPDATE_TRIES_MAX = 100;
const CONTENTION = { minMs: 2, maxMs: 500 };
const decoder = new TextDecoder();

/** The key-value store in text and JSON. Everything else it can do: `kvGet`, `kvPut` and their neighbours. */
export class Kv {
  readonly #client: ContractClient;
  readonly #world: Surroundings;

  constructor(client: ContractClient, world: Surroundings) {
    this.#client = client;
    this.#world = world;
  }

  /** Undefined where there is no such key. */
  async get(key: string, options?: CallOptions): Promise<KvEntry | undefined> {
    const { value } = await this.#client.kvGet({ key }, options);
    return value?.[0] ?? undefined;
  }

  async text(key: string, options?: CallOptions): Promise<string | undefined> {
    const entry = await this.get(key, options);
    return entry && textOf(entry);
  }

  /** @throws SyntaxError for a value that is no JSON */
  async json<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined> {
    const entry = await this.get(key, options);
    return entry && (JSON.parse(textOf(entry)) as T);
  }

  async list(prefix: string, options?: CallOptions): Promise<readonly KvEntry[]> {
    const { value } = await this.#client.kvList({ key: prefix }, options);
    return (value ?? []).filter((entry) => entry !== null);
  }

  async keys(prefix: string, options: CallOptions & { readonly separator?: string } = {}): Promise<readonly string[]> {
    const { separator, ...call } = options;
    return (await this.#client.kvKeys({ key: prefix, separator }, call)).value ?? [];
  }

  async set(key: string, value: Uint8Array | string, { flags, ...call }: WriteOptions = {}): Promise<void> {
    await this.#client.kvPut({ key, value, flags }, call);
  }

  async setJson(key: string, value: unknown, options?: WriteOptions): Promise<void> {
    await this.set(key, jsonOf(value), options);
  }

  /** @returns false when there is one already */
  async create(key: string, value: Uint8Array | string, { flags, ...call }: WriteOptions = {}): Promise<boolean> {
    return (await this.#client.kvPut({ key, value, flags, cas: 0 }, call)).value;
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    await this.#client.kvDelete({ key }, options);
  }

  async deletePrefix(prefix: string, options?: CallOptions): Promise<void> {
    await this.#client.kvDelete({ key: prefix, recurse: true }, options);
  }

  /**
   * Puts what `change` makes of the JSON value in its place, if nobody was there meanwhile; else again with the newer
   * value. `change` gets undefined where there is no such key; it returns undefined to leave everything as it is, and
   * `DELETE` to delete the key.
   *
   * @returns the value that is there now
   * @throws RequestError when it is not known whether the write was carried out, unless `idempotent`
   */
  async update<T>(
    key: string,
    change: (value: T | undefined, entry: KvEntry | undefined) => Change<T> | Promise<Change<T>>,
    options: UpdateOptions = {},
  ): Promise<T | undefined> {
    let result: T | undefined;
    await this.updateBytes(
      key,
      async (entry) => {
        const before = entry && (JSON.parse(textOf(entry)) as T);
        const after = await change(before, entry);
        result = after === undefined ? before : after === DELETE ? undefined : after;
        return after === undefined || after === DELETE ? (after as Change<string>) : jsonOf(after);
      },
      options,
    );
    return result;
  }

  /** `update` of the bytes themselves. The entry's flags stay unless the options name others. */
  async updateBytes(
    key: string,
    change: (entry: KvEntry | undefined) => Change<Uint8Array | string> | Promise<Change<Uint8Array | string>>,
    { idempotent = false, flags, ...call }: UpdateOptions = {},
  ): Promise<void> {
    for (let tries = 0; tries < UPDATE_TRIES_MAX; tries++) {
      const entry = await this.get(key, call);
      const value = await change(entry);
      if (value === undefined || (value === DELETE && entry === undefined)) return;
      const cas = entry?.ModifyIndex ?? 0;
      try {
        const { value: done } =
          value === DELETE
            ? await this.#client.kvDelete({ key, cas }, call)
            : await this.#client.kvPut({ key, value, cas, flags: flags ?? entry?.Flags }, call);
        if (done) return;
      } catch (error) {
        if (call.signal?.aborted === true || !isTransient(error) || !(idempotent || wasNotApplied(error))) throw error;
      }
      await delay(this.#world, backoffMs(CONTENTION, tries, this.#world.random()), call.signal);
    }
    throw new ContentionError(`${key} changed each of ${UPDATE_TRIES_MAX} times it was about to be updated`);
  }
}

export type Change<T> = T | undefined | typeof DELETE;

/** The value of an entry as text. */
export const textOf = ({ Value }: Pick<KvEntry, "Value">): string => (Value === null ? "" : decoder.decode(Value));

function jsonOf(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
  return text;
}
