/**
 * What a configuration value may look like. A schema knows how the decoder has to read a value
 * (`decode.ts`) and, through its type parameter, what the decoded value is.
 */
export type Schema<T = unknown> = SchemaShape & { readonly __value?: T };

export type ScalarType = "bool" | "string" | "int" | "uint" | "uint32" | "uint64" | "float64";

type SchemaShape =
  | { readonly type: "scalar"; readonly scalar: ScalarType }
  | { readonly type: "list"; readonly of: SchemaShape }
  | { readonly type: "map"; readonly of: SchemaShape }
  | { readonly type: "any" }
  | { readonly type: "struct"; readonly fields: StructFields; readonly aliases: Readonly<Record<string, string>> };

export type StructFields = Readonly<Record<string, SchemaShape>>;
export type AnySchema = SchemaShape;

export type ValueOf<S> = S extends { readonly __value?: infer T } ? Exclude<T, undefined> : never;
export type StructValue<F> = { readonly [K in keyof F]?: ValueOf<F[K]> };

const scalar = <T>(name: ScalarType): Schema<T> => ({ type: "scalar", scalar: name });

export const bool = scalar<boolean>("bool");
export const string = scalar<string>("string");
export const int = scalar<number>("int");
export const uint = scalar<number>("uint");
export const uint32 = scalar<number>("uint32");
export const uint64 = scalar<number>("uint64");
export const float = scalar<number>("float64");
/** Kept as written; a reader interprets it later. */
export const any: Schema<unknown> = { type: "any" };

export function list<T>(of: Schema<T>): Schema<readonly T[]> {
  return { type: "list", of };
}

export function map<T>(of: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return { type: "map", of };
}

/** @param aliases lower-case spelling → the field it stands for. */
export function struct<F extends StructFields>(
  fields: F,
  aliases: Readonly<Record<string, string>> = {},
): Schema<StructValue<F>> {
  return { type: "struct", fields, aliases };
}

/** A struct that may hold itself; `fields` is asked for when the first value is decoded. */
export function recursiveStruct<T>(fields: () => StructFields): Schema<T> {
  return {
    type: "struct",
    get fields() {
      return fields();
    },
    aliases: {},
  };
}
