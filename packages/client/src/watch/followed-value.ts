import { ANSWERS, type AnswerForm, type AnswerName, fromJson, type Schema } from "@tribune/api";

/** What changed in an answer, as a stream tells it. */
export interface Told {
  readonly Value?: unknown;
  readonly Status?: number;
  readonly Splices?: readonly { readonly At: number; readonly Remove: number; readonly Add: readonly unknown[] }[];
  readonly Set?: Readonly<Record<string, unknown>>;
  readonly Unset?: readonly string[];
}

/**
 * An answer that is kept up to date by what a stream tells. Rows that did not change stay the same objects: only what is
 * told is decoded.
 */
export class FollowedValue {
  readonly #schema: Schema<unknown>;
  #value: unknown = null;

  constructor(answers: AnswerName) {
    const form = ANSWERS[answers] as AnswerForm<unknown>;
    if (form.body !== "json") throw new TypeError(`${answers} is not told by streams`);
    this.#schema = form.schema;
  }

  get value(): unknown {
    return this.#value;
  }

  snapshot({ Value, Status }: Told): void {
    this.#value = Status === 200 ? fromJson(this.#schema, Value) : null;
  }

  /** @returns false where it does not fit what is known. */
  change({ Splices, Set: set = {}, Unset = [] }: Told): boolean {
    const { kind, of } = unwrapped(this.#schema);
    if (Splices !== undefined) {
      if (!Array.isArray(this.#value)) return false;
      const rows = [...(this.#value as unknown[])];
      for (const { At, Remove, Add } of Splices) {
        if (At + Remove > rows.length) return false;
        rows.splice(At, Remove, ...Add.map((row) => (of === undefined ? row : fromJson(of, row))));
      }
      this.#value = rows;
      return true;
    }
    if (typeof this.#value !== "object" || this.#value === null) return false;
    const members = new Map(Object.entries(this.#value as object));
    for (const name of Unset) members.delete(name);
    // A struct's members have schemas of their own.
    const decoded = kind === "map" && of !== undefined ? decodedMap(of, set) : (fromJson(this.#schema, set) as object);
    for (const name of Object.keys(set)) members.set(name, (decoded as Record<string, unknown>)[name]);
    this.#value = Object.fromEntries([...members].sort(([a], [b]) => (a < b ? -1 : 1)));
    return true;
  }
}

function unwrapped(schema: Schema<unknown>): Schema<unknown> {
  return schema.kind === "nullable" && schema.of !== undefined ? unwrapped(schema.of) : schema;
}

function decodedMap(of: Schema<unknown>, set: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(set).map(([name, value]) => [name, fromJson(of, value)]));
}
