import { useEffect, useMemo, useState } from "preact/hooks";
import { inDatacenter } from "../../data/agent.ts";
import { deleteKey, kvPath, saveKey } from "../../data/kv.ts";
import type { KvPair } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { problemOf } from "../../data/validate.ts";
import { bytes as byteCount } from "../../lib/age.ts";
import { decodeBase64, hexDump, utf8 } from "../../lib/base64.ts";
import { guessLanguage, type Language } from "../../lib/highlight.ts";
import { parentOf } from "../../lib/kv-tree.ts";
import { confirm, say } from "../../ui/dialog.tsx";
import { DiffView } from "../../ui/diff-view.tsx";
import { Editor } from "../../ui/editor.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { navigate, place } from "../../ui/router.ts";
import { Await } from "../../ui/states.tsx";
import { Crumbs, folderHref, keyHref } from "./folder.tsx";
import { TreeActions } from "./folder-actions.tsx";
import { Lock } from "./lock.tsx";

/** A key: its value as text in its language, who holds its lock; or a new key. */
export default function KvEdit() {
  const key = place.value.query.get("key");
  return key === null ? <CreateKey folder={place.value.query.get("folder") ?? ""} /> : <EditKey key={key} name={key} />;
}

function CreateKey({ folder }: { readonly folder: string }) {
  const [name, setName] = useState(folder);
  return (
    <Page title="Create a key" facts={<Crumbs path={folder} />}>
      <div class="stack">
        <label class="field narrow">
          <span>Key</span>
          <input
            class="input mono"
            value={name}
            placeholder="folder/key, or folder/ for an empty folder"
            spellcheck={false}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <Value name={name} pair={undefined} create />
      </div>
    </Page>
  );
}

function EditKey({ name }: { readonly name: string }) {
  const live = useLive<readonly KvPair[]>(inDatacenter(kvPath(name)));
  const pair = live.value?.[0];
  return (
    <Page
      title={name.slice(parentOf(name).length) || name}
      mark={<Icon name="file" size={20} />}
      facts={<Crumbs path={name} />}
      lives={[live]}
      actions={<TreeActions path={name} />}
    >
      <Await
        live={live}
        rows={4}
        missing={
          <div class="stack">
            <p class="banner">
              <Icon name="file" size={14} /> This key does not exist. Saving creates it.
            </p>
            <Value name={name} pair={undefined} />
          </div>
        }
      >
        {() => (
          <div class="stack">
            {pair?.Session && <Lock session={pair.Session} />}
            <Value name={name} pair={pair} />
          </div>
        )}
      </Await>
    </Page>
  );
}

const textOf = (pair: KvPair | undefined): string | undefined =>
  pair === undefined || pair.Value === null ? "" : utf8(decodeBase64(pair.Value));

function Value({
  name,
  pair,
  create = false,
}: {
  readonly name: string;
  readonly pair: KvPair | undefined;
  readonly create?: boolean;
}) {
  const stored = useMemo(() => textOf(pair), [pair]);
  // What the user began with: a later change by somebody else is shown against it.
  const [base, setBase] = useState({ index: pair?.ModifyIndex ?? 0, text: stored ?? "" });
  const [text, setText] = useState(stored ?? "");
  const [flags, setFlags] = useState(String(pair?.Flags ?? 0));
  const [chosen, setChosen] = useState<Language | "">("");
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const language = chosen || guessLanguage(name, text);
  const index = pair?.ModifyIndex ?? 0;
  const touched = text !== base.text || flags !== String(pair?.Flags ?? 0);
  const conflict = index !== base.index && touched && !create && stored !== text;

  useEffect(() => {
    if (index === base.index || (touched && stored !== text)) return;
    setBase({ index, text: stored ?? "" });
    setText(stored ?? "");
    setFlags(String(pair?.Flags ?? 0));
  }, [index, stored]);
  useEffect(() => {
    let stale = false;
    const timer = setTimeout(() => {
      void problemOf(text, language).then((found) => !stale && setProblem(found));
    }, 150);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [text, language]);

  const save = async (over: number): Promise<void> => {
    if (name === "" || busy) return;
    setBusy(true);
    try {
      if (await saveKey(name, text, flags, over)) {
        say(`Saved ${name}`);
        setBase({ index: over, text });
        if (create) navigate(name.endsWith("/") ? folderHref(name) : keyHref(name));
      } else {
        say(
          create ? "This key exists already" : "Somebody has changed this key meanwhile: look at the difference",
          false,
        );
      }
    } catch (error) {
      say(error instanceof Error ? error.message : String(error), false);
    } finally {
      setBusy(false);
    }
  };
  if (stored === undefined) return <Binary name={name} pair={pair!} />;
  const folderOnly = name.endsWith("/");
  return (
    <>
      {conflict && (
        <Conflict
          mine={text}
          theirs={stored}
          onTakeTheirs={() => {
            setBase({ index, text: stored });
            setText(stored);
          }}
          onSaveMine={() => void save(index)}
        />
      )}
      {!folderOnly && (
        <div>
          <div class="editor-bar">
            <label class="row small">
              <span class="muted">Language</span>
              <select
                class="input select"
                value={chosen}
                onChange={(event) => setChosen(event.currentTarget.value as Language | "")}
              >
                <option value="">{`guessed: ${names[guessLanguage(name, text)]}`}</option>
                {(Object.keys(names) as Language[]).map((each) => (
                  <option key={each} value={each}>
                    {names[each]}
                  </option>
                ))}
              </select>
            </label>
            {language === "json" && (
              <button
                type="button"
                class="button plain"
                disabled={problem !== undefined}
                onClick={() => setText(JSON.stringify(JSON.parse(text), null, 2))}
              >
                Lay out
              </button>
            )}
            <span class="small muted end">{byteCount(new TextEncoder().encode(text).length)}</span>
          </div>
          <Editor
            value={text}
            language={language}
            label={`Value of ${name || "the new key"}`}
            onInput={setText}
            onSave={() => void save(base.index)}
          />
          <p class="small validity" role="status" id="validity">
            {language === "text" ? (
              <span class="muted">Plain text</span>
            ) : problem === undefined ? (
              <span class="status passing">Valid {names[language]}</span>
            ) : (
              <span class="status critical break">{problem}</span>
            )}
          </p>
        </div>
      )}
      <div class="row wrap">
        <button
          type="button"
          class="button primary"
          disabled={busy || name === "" || (!touched && !create && pair !== undefined) || conflict}
          onClick={() => void save(create ? 0 : base.index)}
        >
          {create || pair === undefined ? "Create" : "Save"}
        </button>
        {touched && !create && (
          <button
            type="button"
            class="button"
            onClick={() => {
              setText(stored);
              setBase({ index, text: stored });
              setFlags(String(pair?.Flags ?? 0));
            }}
          >
            Undo all
          </button>
        )}
        {pair && <DeleteButton pair={pair} />}
        <label class="row small end">
          <span class="muted">Flags</span>
          <input
            class="input mono flags"
            inputMode="numeric"
            pattern="\d+"
            value={flags}
            onInput={(event) => setFlags(event.currentTarget.value)}
          />
        </label>
        {pair && (
          <span class="small muted">
            created {pair.CreateIndex}, changed {pair.ModifyIndex}, locked {pair.LockIndex} times
          </span>
        )}
      </div>
    </>
  );
}

const names: Record<Language, string> = { json: "JSON", yaml: "YAML", hcl: "HCL", text: "text" };

function Conflict({
  mine,
  theirs,
  onTakeTheirs,
  onSaveMine,
}: {
  readonly mine: string;
  readonly theirs: string;
  readonly onTakeTheirs: () => void;
  readonly onSaveMine: () => void;
}) {
  return (
    <section class="stack-s" id="conflict" aria-label="Conflict">
      <p class="banner" role="alert">
        <Icon name="away" size={14} /> Somebody has changed this key while you were writing. Minus is theirs, plus is
        yours.
      </p>
      <DiffView before={theirs} after={mine} label="Difference from their value to yours" />
      <div class="row">
        <button type="button" class="button" onClick={onTakeTheirs}>
          Take theirs
        </button>
        <button type="button" class="button" onClick={onSaveMine}>
          Save mine over it
        </button>
      </div>
    </section>
  );
}

function DeleteButton({ pair }: { readonly pair: KvPair }) {
  return (
    <button
      type="button"
      class="button danger"
      onClick={() =>
        confirm({
          title: `Delete ${pair.Key}?`,
          text: pair.Session ? "A session holds its lock; it is deleted all the same." : "This cannot be undone.",
          action: "Delete",
          danger: true,
          done: `Deleted ${pair.Key}`,
          run: async () => {
            if (!(await deleteKey(pair.Key, pair.ModifyIndex)))
              throw new Error("Somebody has changed it meanwhile; it is still there.");
            navigate(folderHref(parentOf(pair.Key)));
          },
        })
      }
    >
      Delete
    </button>
  );
}

function Binary({ name, pair }: { readonly name: string; readonly pair: KvPair }) {
  const bytes = useMemo(() => decodeBase64(pair.Value ?? ""), [pair.Value]);
  const download = (): void => {
    const url = URL.createObjectURL(new Blob([bytes]));
    const link = document.createElement("a");
    link.href = url;
    link.download = name.split("/").at(-1) || "value";
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <>
      <p class="banner">
        <Icon name="file" size={14} /> {byteCount(bytes.length)} that are no text. They can be replaced by another file.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre role="region" class="output" tabIndex={0} aria-label="Bytes of the value">
        {hexDump(bytes)}
      </pre>
      <div class="row wrap">
        <button type="button" class="button" onClick={download}>
          <Icon name="download" /> Download
        </button>
        <label class="button">
          <Icon name="upload" /> Replace
          <input
            type="file"
            class="sr-only"
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file === undefined) return;
              void saveKey(name, file, String(pair.Flags), pair.ModifyIndex).then(
                (saved) => say(saved ? `Saved ${name}` : "Somebody has changed this key meanwhile", saved),
                (error: Error) => say(error.message, false),
              );
            }}
          />
        </label>
        <DeleteButton pair={pair} />
      </div>
    </>
  );
}
