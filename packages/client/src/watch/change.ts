import { same } from "./same.ts";

export type Index = number | bigint;

/** What is different from the change before. */
export interface Change<T> {
  /** Everything there is now, by its key, in the agent's order. */
  readonly all: ReadonlyMap<string, T>;
  readonly added: readonly T[];
  /** `before` is undefined after a resumption that did not bring what was known. */
  readonly changed: readonly { readonly before: T | undefined; readonly after: T }[];
  readonly removed: readonly T[];
  /** Where to resume. */
  readonly index: Index;
  /** Nothing was known before: all there is counts as added. */
  readonly first: boolean;
}

/** Where a watch goes on that ended before. A whole change will do. */
export interface Resume<T> {
  readonly index: Index;
  /** What was known then. Without it nothing can be said to be removed, and old and new are told apart by rows' indexes. */
  readonly all?: ReadonlyMap<string, T>;
}

/** Undefined when nothing is different. */
export function changeOf<T>(
  known: ReadonlyMap<string, T> | undefined,
  all: ReadonlyMap<string, T>,
  index: Index,
  since: Index | undefined,
): Change<T> | undefined {
  if (known === undefined) return since === undefined ? firstOf(all, index) : unknownBefore(all, index, since);
  const added: T[] = [];
  const changed: { before: T; after: T }[] = [];
  const removed: T[] = [];
  for (const [key, after] of all) {
    const before = known.get(key);
    if (before === undefined) added.push(after);
    else if (!same(before, after)) changed.push({ before, after });
  }
  for (const [key, before] of known) if (!all.has(key)) removed.push(before);
  if (added.length + changed.length + removed.length === 0) return undefined;
  return { all, added, changed, removed, index, first: false };
}

const firstOf = <T>(all: ReadonlyMap<string, T>, index: Index): Change<T> => ({
  all,
  added: [...all.values()],
  changed: [],
  removed: [],
  index,
  first: true,
});

function unknownBefore<T>(all: ReadonlyMap<string, T>, index: Index, since: Index): Change<T> {
  const added: T[] = [];
  const changed: { before: undefined; after: T }[] = [];
  for (const after of all.values()) {
    const { created, modified } = indexesOf(after);
    if (created !== undefined && created > since) added.push(after);
    else if (modified === undefined || modified > since) changed.push({ before: undefined, after });
  }
  return { all, added, changed, removed: [], index, first: false };
}

interface Indexed {
  readonly CreateIndex?: number;
  readonly ModifyIndex?: number;
  readonly Node?: unknown;
  readonly Service?: unknown;
  readonly Checks?: unknown;
}

/** Of a row, or of an instance with its node and checks: it is as old as its service, and changes with all three. */
function indexesOf(row: unknown): { readonly created: number | undefined; readonly modified: number | undefined } {
  if (typeof row !== "object" || row === null) return { created: undefined, modified: undefined };
  const { CreateIndex, ModifyIndex, Node, Service, Checks } = row as Indexed;
  if (ModifyIndex !== undefined) return { created: CreateIndex, modified: ModifyIndex };
  const parts = [Node, Service, ...(Array.isArray(Checks) ? (Checks as unknown[]) : [])].map(indexesOf);
  const known = parts.flatMap(({ modified }) => (modified === undefined ? [] : [modified]));
  return { created: indexesOf(Service).created, modified: known.length === 0 ? undefined : Math.max(...known) };
}
