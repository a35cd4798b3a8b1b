import type { MatchOperator } from "./expression.ts";

/**
 * What a filter may know about a value. Rows are plain objects with the wire's field names; an absent
 * field counts as the zero value of its type, as it would in a decoded Go struct.
 */
export type FieldType = ScalarType | MapType | ListType | StructType;

export type ScalarType =
  | { readonly kind: "string" }
  | { readonly kind: "bool" }
  | { readonly kind: "int" | "uint"; readonly bits: 8 | 16 | 32 | 64 };

export interface MapType {
  readonly kind: "map";
  readonly value: FieldType;
}

export interface ListType {
  readonly kind: "list";
  readonly element: FieldType;
}

export interface StructType {
  readonly kind: "struct";
  readonly fields: Readonly<Record<string, FieldType>>;
}

export const string: ScalarType = { kind: "string" };
export const bool: ScalarType = { kind: "bool" };
export const int: ScalarType = { kind: "int", bits: 64 };
export const uint64: ScalarType = { kind: "uint", bits: 64 };
export const map = (value: FieldType): MapType => ({ kind: "map", value });
export const list = (element: FieldType): ListType => ({ kind: "list", element });
export const struct = (fields: Readonly<Record<string, FieldType>>): StructType => ({ kind: "struct", fields });

const EQUALITY: readonly MatchOperator[] = ["Equal", "Not Equal"];
const TEXT: readonly MatchOperator[] = [...EQUALITY, "In", "Not In", "Matches", "Not Matches"];
const EMPTINESS: readonly MatchOperator[] = ["Is Empty", "Is Not Empty"];
const CONTAINER: readonly MatchOperator[] = [...EMPTINESS, "In", "Not In"];

/** Operators a value of this type takes; a struct takes none, one of its fields has to be named. */
export function operatorsOf(type: FieldType): readonly MatchOperator[] {
  switch (type.kind) {
    case "string":
      return TEXT;
    case "bool":
    case "int":
    case "uint":
      return EQUALITY;
    case "map":
      return CONTAINER;
    case "list":
      return isScalar(type.element) ? CONTAINER : EMPTINESS;
    case "struct":
      return [];
  }
}

export function isScalar(type: FieldType): type is ScalarType {
  return type.kind !== "map" && type.kind !== "list" && type.kind !== "struct";
}

/** Type behind one more part of a selector, or undefined where there is nothing of that name. */
export function memberOf(type: FieldType, part: string): FieldType | undefined {
  switch (type.kind) {
    case "struct":
      return Object.hasOwn(type.fields, part) ? type.fields[part] : undefined;
    case "map":
      return type.value;
    case "list":
      // Elements are not numbered: a part behind a list names a field of any of its elements.
      return isScalar(type.element) ? undefined : memberOf(type.element, part);
    default:
      return undefined;
  }
}
