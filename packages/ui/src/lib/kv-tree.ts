/** Keys as a tree: `/` parts folders, as Consul's page and command line have it. Nothing here asks anybody. */

export interface KvRow {
  /** The whole key, or the folder with its closing slash. */
  readonly path: string;
  /** What it is called in its folder. */
  readonly name: string;
  readonly folder: boolean;
}

/** Rows of a folder out of `GET /v1/kv/<folder>?keys&separator=/`; folders first. The folder's own key is left out. */
export function folderRows(folder: string, keys: readonly string[]): KvRow[] {
  return keys
    .filter((path) => path !== folder)
    .map((path) => ({ path, name: path.slice(folder.length), folder: path.endsWith("/") }))
    .sort((a, b) => Number(b.folder) - Number(a.folder) || (a.name < b.name ? -1 : 1));
}

export interface Crumb {
  readonly name: string;
  readonly path: string;
}

/** The folders above a key or folder, from the outermost: `a/b/c` → `a/`, `a/b/`. */
export function crumbs(path: string): Crumb[] {
  const found: Crumb[] = [];
  let from = 0;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", from)) {
    found.push({ name: path.slice(from, at) || "(empty)", path: path.slice(0, at + 1) });
    from = at + 1;
  }
  return found;
}

export const parentOf = (path: string): string => path.slice(0, path.replace(/\/$/, "").lastIndexOf("/") + 1);

export interface Pair {
  readonly Key: string;
  /** Base64; null for an empty value. */
  readonly Value: string | null;
  readonly Flags: number | string;
  readonly ModifyIndex: number;
}

export interface TxnOperation {
  readonly KV: {
    readonly Verb: "set" | "cas" | "delete" | "delete-cas" | "delete-tree";
    readonly Key: string;
    readonly Value?: string;
    readonly Flags?: number | string;
    readonly Index?: number;
  };
}

/** A transaction takes 64 operations at most (Consul's limit). */
export const txnOperationsMax = 64;

/**
 * The transactions that copy or move a key or a whole folder. A key that exists at the new place is not overwritten:
 * `cas` with index 0 refuses. A move takes away only what it has read, so that a write in between is not lost; a pair's
 * two operations are in one transaction.
 */
export function planTransfer(pairs: readonly Pair[], from: string, to: string, move: boolean): TxnOperation[][] {
  const each = pairs.map(({ Key, Value, Flags, ModifyIndex }): TxnOperation[] => [
    { KV: { Verb: "cas", Key: to + Key.slice(from.length), Value: Value ?? "", Flags, Index: 0 } },
    ...(move ? [{ KV: { Verb: "delete-cas" as const, Key, Index: ModifyIndex } }] : []),
  ]);
  return batches(each);
}

/** Lays groups of operations that belong together into as few transactions as hold them. */
export function batches(groups: readonly (readonly TxnOperation[])[]): TxnOperation[][] {
  const found: TxnOperation[][] = [];
  for (const group of groups) {
    const last = found.at(-1);
    if (last === undefined || last.length + group.length > txnOperationsMax) found.push([...group]);
    else last.push(...group);
  }
  return found;
}

/** The keys go, whatever is in them, and the folders with all that is below; each transaction as large as one may be. */
export const planDelete = (keys: readonly string[], folders: readonly string[]): TxnOperation[][] =>
  batches([
    ...keys.map((Key): TxnOperation[] => [{ KV: { Verb: "delete", Key } }]),
    ...folders.map((Key): TxnOperation[] => [{ KV: { Verb: "delete-tree", Key } }]),
  ]);

/** Consul refuses addresses with characters that cannot be printed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Whether a key or folder can be asked for by its address, and is what is asked for then. Browsers resolve `.` and `..` in
 * addresses, however they are written: `a/../` would be the folder of everything. Agents send whoever asks for `a//b` on
 * to `a/b`, which is another key.
 */
export const hasAddress = (path: string): boolean =>
  !unprintable.test(path) &&
  path.split("/").every((part, i, { length }) => part !== "." && part !== ".." && (part !== "" || i === length - 1));

/** What is said of a name that has no address. */
export const noAddress = "Parts that are empty, dots alone or cannot be printed have no address on the web.";

/** Why a key or folder cannot go to `to`; undefined if it can. */
export function transferProblem(from: string, to: string): string | undefined {
  if (to === "") return "Give it a name.";
  if (to === from) return "That is where it is.";
  if (to.startsWith("/")) return "Keys do not begin with a slash.";
  if (!hasAddress(to)) return noAddress;
  if (from.endsWith("/") && !to.endsWith("/")) return "A folder's name ends in a slash.";
  if (!from.endsWith("/") && to.endsWith("/")) return "A key's name does not end in a slash.";
  if (from.endsWith("/") && to.startsWith(from)) return "A folder cannot go into itself.";
  return undefined;
}

/** One pair as `consul kv export` writes it. */
export interface Exported {
  readonly key: string;
  readonly flags: number | string;
  readonly value: string;
}

export const exportPairs = (pairs: readonly Pair[]): Exported[] =>
  pairs.map(({ Key, Flags, Value }) => ({ key: Key, flags: Flags, value: Value ?? "" }));

/** The operations of an import of such a file. Throws with the place of what does not fit. */
export function importPairs(text: string, folder: string): TxnOperation[][] {
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) throw new Error("The file must hold a list, as `consul kv export` writes it.");
  return batches(
    rows.map((row: unknown, i) => {
      const { key, flags, value } = (row ?? {}) as Partial<Exported>;
      if (typeof key !== "string" || key === "") throw new Error(`Entry ${i + 1} has no key.`);
      if (typeof value !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
        throw new Error(`The value of ${key} is not base64.`);
      }
      return [{ KV: { Verb: "set", Key: folder + key, Value: value, Flags: flags ?? 0 } }];
    }),
  );
}
