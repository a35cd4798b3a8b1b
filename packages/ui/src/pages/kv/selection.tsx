import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { runTransactions } from "../../data/kv.ts";
import { count } from "../../lib/age.ts";
import { planDelete } from "../../lib/kv-tree.ts";
import { confirm } from "../../ui/dialog.tsx";
import { Icon } from "../../ui/icons.tsx";

/** The keys and folders that are marked, while somebody marks any. */
export const selected = signal<ReadonlySet<string> | undefined>(undefined);

export function toggle(path: string): void {
  const next = new Set(selected.value);
  if (!next.delete(path)) next.add(path);
  selected.value = next;
}

/** What is marked in one folder is forgotten in the next. */
export function SelectButton({ folder }: { readonly folder: string }) {
  useEffect(
    () => () => {
      selected.value = undefined;
    },
    [folder],
  );
  return (
    <button
      type="button"
      id="select"
      class="button end"
      aria-pressed={selected.value !== undefined}
      onClick={() => (selected.value = selected.value === undefined ? new Set() : undefined)}
    >
      Select
    </button>
  );
}

/**
 * Stands above the rows while they can be marked.
 *
 * @param keysOnly a path that ends in a slash is a key of that name, not a folder
 */
export function SelectionBar({
  paths,
  keysOnly = false,
}: {
  readonly paths: readonly string[];
  readonly keysOnly?: boolean;
}) {
  const chosen = selected.value;
  if (chosen === undefined) return null;
  // What others have deleted meanwhile is marked no more.
  const marked = paths.filter((path) => chosen.has(path));
  const all = marked.length === paths.length;
  return (
    <div class="row wrap selection" role="group" aria-label="What is marked">
      <label class="check">
        <input type="checkbox" checked={all} onChange={() => (selected.value = all ? new Set() : new Set(paths))} /> All
      </label>
      <span class="small muted" role="status">
        {marked.length} of {paths.length} marked
      </span>
      <button
        type="button"
        class="button danger end"
        disabled={marked.length === 0}
        onClick={() => remove(marked, keysOnly)}
      >
        <Icon name="trash" size={14} /> Delete
      </button>
    </div>
  );
}

const namedMax = 8;

function remove(paths: readonly string[], keysOnly: boolean): void {
  const isFolder = (path: string): boolean => !keysOnly && path.endsWith("/");
  const folders = paths.filter(isFolder);
  const keys = paths.filter((path) => !isFolder(path));
  const what = [keys.length > 0 && count(keys.length, "key"), folders.length > 0 && count(folders.length, "folder")]
    .filter(Boolean)
    .join(" and ");
  confirm({
    title: `Delete ${what}?`,
    text: (
      <div class="stack-s">
        <p>
          {folders.length > 0 && "Folders go with all that is in them. "}This cannot be undone; an export can be
          imported again.
        </p>
        <ul class="mono small">
          {paths.slice(0, namedMax).map((path) => (
            <li key={path} class="break">
              {path}
            </li>
          ))}
          {paths.length > namedMax && <li>and {paths.length - namedMax} more</li>}
        </ul>
      </div>
    ),
    action: "Delete",
    danger: true,
    done: `Deleted ${what}`,
    run: async () => {
      await runTransactions(planDelete(keys, folders));
      selected.value = undefined;
      // The button that was pressed is gone with its bar.
      document.querySelector<HTMLElement>("#select")?.focus();
    },
  });
}
