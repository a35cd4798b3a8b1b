import type { Schema } from "../schema.ts";

/** A key of the configuration file, and all that is said about it in one place. */
export interface Row<T = unknown> {
  readonly schema: Schema<T>;
  /** One line for the reference page and for the help of its flags. */
  readonly doc: string;
  /** Value of a plain agent; absent means the zero value of its type. */
  readonly default?: T;
  /** Value in `-dev` mode, where it differs. */
  readonly dev?: T;
  /** Command-line flags that set it; their help is `doc`. */
  readonly flags?: readonly string[];
  /** Takes effect on SIGHUP or `reload`; every other change waits for a restart. */
  readonly reload?: true;
  /** Parsed for old files' sake, but what they say is overridden by this. */
  readonly fixed?: T;
  readonly fixedDev?: T;
  /** A feature of Consul Enterprise: accepted, warned about under this name, without effect. */
  readonly enterprise?: string;
  /** A later Consul's name for this older key: a value is taken as if it were that one's. */
  readonly standsFor?: string;
  /** A later Consul's key that Tribune takes and does not obey; warned about, with the reason. */
  readonly noEffect?: NoEffect;
  /** Never printed. */
  readonly secret?: true;
}

export interface NoEffect {
  /** Why nothing obeys it, as part of a sentence. */
  readonly why: string;
  /** Values that ask for nothing but what is so anyway. */
  readonly fine?: readonly unknown[];
}

type RowOptions<T> = Omit<Row<T>, "schema" | "doc">;
type Rows = Readonly<Record<string, Row>>;

export function row<T>(schema: Schema<T>, doc: string, options: RowOptions<T> = {}): Row<T> {
  return { schema, doc, ...options };
}

/** A row that is only there so that files written for later versions of Consul start. */
export function idle<T>(schema: Schema<T>, doc: string, why: string, ...fine: readonly T[]): Row<T> {
  return { schema, doc, noEffect: { why, fine } };
}

export function flag(name: string): { flags: readonly string[] } {
  return { flags: [name] };
}

/** Gives every row of a section its full path as key. */
export function section<P extends string, R extends Rows>(
  path: P,
  rows: R,
): { readonly [K in keyof R & string as `${P}.${K}`]: R[K] } {
  return Object.fromEntries(Object.entries(rows).map(([key, value]) => [`${path}.${key}`, value])) as never;
}

export const reload = { reload: true } as const;
export const secret = { secret: true } as const;
