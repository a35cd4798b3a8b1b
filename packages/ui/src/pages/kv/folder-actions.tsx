import { signal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { deleteTree, readPairs, runTransactions } from "../../data/kv.ts";
import { count } from "../../lib/age.ts";
import { exportPairs, importPairs, parentOf, planTransfer, transferProblem } from "../../lib/kv-tree.ts";
import { attempt, confirm, Dialog, say, sayError } from "../../ui/dialog.tsx";
import { download } from "../../ui/download.tsx";
import { Icon } from "../../ui/icons.tsx";
import { navigate } from "../../ui/router.ts";
import { folderHref, keyHref } from "./folder.tsx";

/** Import and export of a folder; copy, move and delete where it is not the root. */
export function FolderActions({ folder }: { readonly folder: string }) {
  const file = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class="button icon"
        aria-label="Export as JSON"
        title="Export as JSON"
        onClick={() => void exportFolder(folder)}
      >
        <Icon name="download" />
      </button>
      <button
        type="button"
        class="button icon"
        aria-label="Import JSON"
        title="Import JSON"
        onClick={() => file.current?.click()}
      >
        <Icon name="upload" />
      </button>
      <input
        ref={file}
        type="file"
        accept=".json,application/json"
        hidden
        aria-label="File to import"
        onChange={(event) => {
          const chosen = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (chosen !== undefined) void upload(chosen, folder);
        }}
      />
      {folder !== "" && <TreeActions path={folder} />}
    </>
  );
}

export function TreeActions({ path }: { readonly path: string }) {
  const what = path.endsWith("/") ? "folder" : "key";
  return (
    <>
      <button
        type="button"
        class="button icon"
        aria-label={`Copy this ${what}`}
        title={`Copy this ${what}`}
        onClick={() => (asked.value = { path, move: false })}
      >
        <Icon name="copy" />
      </button>
      <button
        type="button"
        class="button icon"
        aria-label={`Move this ${what}`}
        title={`Move this ${what}`}
        onClick={() => (asked.value = { path, move: true })}
      >
        <Icon name="move" />
      </button>
      {what === "folder" && (
        <button
          type="button"
          class="button icon danger"
          aria-label="Delete this folder"
          title="Delete this folder"
          onClick={() => void removeTree(path)}
        >
          <Icon name="trash" />
        </button>
      )}
      <TransferDialog />
    </>
  );
}

const asked = signal<{ readonly path: string; readonly move: boolean } | undefined>(undefined);

function TransferDialog() {
  return asked.value && <Transfer {...asked.value} />;
}

/** Begins with where it is: most targets are near. */
function Transfer({ path, move }: { readonly path: string; readonly move: boolean }) {
  const [to, setTo] = useState(path);
  const verb = move ? "Move" : "Copy";
  const problem = to === "" || to === path ? undefined : transferProblem(path, to);
  const close = (): void => {
    asked.value = undefined;
  };
  const run = async (): Promise<void> => {
    close();
    const good = await attempt(
      async () => {
        const pairs = await readPairs(path);
        const wanted = path.endsWith("/") ? pairs : pairs.filter(({ Key }) => Key === path);
        await runTransactions(planTransfer(wanted, path, to, move));
      },
      `${move ? "Moved" : "Copied"} to ${to}`,
    );
    if (good) navigate(to.endsWith("/") ? folderHref(to) : keyHref(to));
  };
  return (
    <Dialog title={`${verb} ${path}`} onClose={close}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (transferProblem(path, to) === undefined) void run();
        }}
      >
        <label class="field">
          <span>To</span>
          <input
            class="input mono"
            required
            value={to}
            placeholder={path}
            onInput={(event) => setTo(event.currentTarget.value)}
          />
          <span class="hint">{problem ?? "What is there already is not overwritten. Locks are not taken along."}</span>
        </label>
        <div class="actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={transferProblem(path, to) !== undefined}>
            {verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

async function removeTree(folder: string): Promise<void> {
  const keys = await readPairs(folder).catch((error: unknown) => {
    sayError(error);
    return undefined;
  });
  if (keys === undefined) return;
  confirm({
    title: `Delete ${folder}?`,
    text: `${count(keys.length, "key")} below it ${keys.length === 1 ? "is" : "are"} deleted. This cannot be undone; an export can be imported again.`,
    action: "Delete folder",
    danger: true,
    done: `Deleted ${folder}`,
    run: async () => {
      await deleteTree(folder);
      navigate(folderHref(parentOf(folder)));
    },
  });
}

async function exportFolder(folder: string): Promise<void> {
  await attempt(async () => {
    const text = JSON.stringify(exportPairs(await readPairs(folder)), null, 2);
    download(`${folder.replaceAll("/", "-") || "kv-"}export.json`, "application/json", text);
  }, "Exported");
}

async function upload(file: File, folder: string): Promise<void> {
  let batches: ReturnType<typeof importPairs>;
  try {
    batches = importPairs(await file.text(), folder);
  } catch (error) {
    say(`${file.name}: ${(error as Error).message}`, false);
    return;
  }
  const keys = batches.reduce((sum, { length }) => sum + length, 0);
  confirm({
    title: `Import ${count(keys, "key")}?`,
    text: `From ${file.name}${folder === "" ? "" : ` into ${folder}`}. Keys that exist get the values of the file.`,
    action: "Import",
    done: `Imported ${count(keys, "key")}`,
    run: () => runTransactions(batches),
  });
}
