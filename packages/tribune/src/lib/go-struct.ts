/**
 * JSON as Go's client library prints it again: it reads an answer into a struct and prints that, so every field is
 * there, in the struct's order, and what the struct does not know is not.
 */
import { goMap } from "./go-json.ts";

export type Shape = (value: unknown) => unknown;
type Row = Readonly<Record<string, unknown>>;

export interface Field {
  /** What stands there when the answer has none; a field without it is left out instead (`omitempty`). */
  readonly zero?: unknown;
  readonly shape?: Shape;
}

export const text: Field = { zero: "" };
export const count: Field = { zero: 0 };
export const flag: Field = { zero: false };
export const nothing: Field = { zero: null };
export const optional: Field = {};
/** A Go map: null where there is none, else with its keys sorted. */
export const map: Field = { zero: null, shape: (value) => (value === null ? null : goMap(value as Row)) };

export function struct(fields: Readonly<Record<string, Field>>): Shape {
  return (value) => {
    if (value === null || value === undefined) return null;
    const row = value as Row;
    const shown: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      const found = row[name] ?? undefined;
      if ("zero" in field) shown[name] = found === undefined ? field.zero : shaped(field, found);
      else if (!isEmpty(found)) shown[name] = shaped(field, found);
    }
    return shown;
  };
}

export const list =
  (shape: Shape): Shape =>
  (value) =>
    value === null ? null : (value as readonly unknown[]).map(shape);

const shaped = ({ shape }: Field, value: unknown): unknown => (shape === undefined ? value : shape(value));

/** Go's `omitempty`, which keeps structs. */
function isEmpty(value: unknown): boolean {
  const empty = Array.isArray(value) && value.length === 0;
  return empty || value === undefined || value === "" || value === 0 || value === false;
}
