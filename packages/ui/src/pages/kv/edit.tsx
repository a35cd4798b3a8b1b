import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { deleteKey, kvPath, saveKey } from "../../data/kv.ts";
import type { KvPair } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { problemOf } from "../../data/validate.ts";
import { bytes as byteCount, count } from "../../lib/age.ts";
import { decodeBase64, hexDump, utf8 } from "../../lib/base64.ts";
import { guessLanguage, type Language } from "../../lib/highlight.ts";
import { hasAddress, noAddress, parentOf } from "../../lib/kv-tree.ts";
import { Conflict } from "../../ui/conflict.tsx";
import { confirm, say, sayError } from "../../ui/dialog.tsx";
import { download } from "../../ui/download.tsx";
import { DraftNote, useDraft } from "../../ui/drafts.tsx";
import { Editor } from "../../ui/editor.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { navigate, place } from "../../ui/router.ts";
import { Await } from "../../ui/states.tsx";
import { Crumbs, folderHref, keyHref, NoAddress } from "./folder.tsx";
import { TreeActions } from "./folder-actions.tsx";
import { Lock } from "./lock.tsx";

/** A key: its value as text in its language, who holds its lock; or a new key. */
export default function KvEdit() {
  const key = place.value.query.get("key");
  const folder = place.value.query.get("folder") ?? "";
  if (key === null) return <CreateKey key={folder} folder={folder} />;
  return hasAddress(key) ? <EditKey key={key} name={key} /> : <NoAddress path={key} />;
}

function CreateKey({ folder }: { readonly folder: string }) {
  const draft = useDraft<string>(`${datacenter.value} new key in ${folder}: its name`);
  const [name, setName] = useState(draft.kept ?? folder);
  draft.keep(name !== folder, name);
  const problem = hasAddress(name) ? undefined : noAddress;
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
          {problem !== undefined && <span class="status critical">{problem}</span>}
        </label>
        <Value
          name={problem === undefined ? name : ""}
          pair={undefined}
          draftName={`new key in ${folder}`}
          create
          onCreated={draft.forget}
        />
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
            <Value name={name} pair={undefined} draftName={`key ${name}`} />
          </div>
        }
      >
        {() => (
          <div class="stack">
            {pair?.Session && <Lock session={pair.Session} />}
            <Value name={name} pair={pair} draftName={`key ${name}`} />
          </div>
        )}
      </Await>
    </Page>
  );
}

interface Base {
  /** Of the pair, when it was read. */
  readonly index: number;
  readonly text: string;
  readonly flags: string;
}
interface Draft {
  readonly base: Base;
  readonly text: string;
  readonly flags: string;
}

const textOf = (pair: KvPair | undefined): string | undefined =>
  pair === undefined || pair.Value === null ? "" : utf8(decodeBase64(pair.Value));

function Value({
  name,
  pair,
  draftName,
  create = false,
  onCreated,
}: {
  readonly name: string;
  readonly pair: KvPair | undefined;
  readonly draftName: string;
  readonly create?: boolean;
  readonly onCreated?: () => void;
}) {
  const stored = useMemo(() => textOf(pair), [pair]);
  const { kept, keep, forget } = useDraft<Draft>(`${datacenter.value} ${draftName}`);
  const [left, setLeft] = useState(kept !== undefined);
  // What the user began with: a later change by somebody else is shown against it.
  const [base, setBase] = useState(
    kept?.base ?? { index: pair?.ModifyIndex ?? 0, text: stored ?? "", flags: String(pair?.Flags ?? 0) },
  );
  const [text, setText] = useState(kept?.text ?? stored ?? "");
  const [flags, setFlags] = useState(kept?.flags ?? String(pair?.Flags ?? 0));
  const [chosen, setChosen] = useState<Language | "">("");
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  /** The index that the last save has replaced. */
  const [replaced, setReplaced] = useState<number | undefined>(undefined);
  const language = chosen || guessLanguage(name, text);
  const index = pair?.ModifyIndex ?? 0;
  const now = { index, text: stored ?? "", flags: String(pair?.Flags ?? 0) };
  const touched = text !== base.text || flags !== base.flags;
  // One's own writing comes back as news as well: that it says what was begun with is no conflict.
  const same = (a: Omit<Base, "index">, b: Omit<Base, "index">): boolean => a.text === b.text && a.flags === b.flags;
  // Until the agent's news of one's own save are here the index is not known that the next change goes by.
  const settling = index === replaced && !same(now, base);
  const conflict =
    index !== base.index && touched && !create && !busy && !same(now, base) && !same(now, { text, flags });
  keep(touched, { base, text, flags });
  const take = (): void => {
    setBase(now);
    setText(now.text);
    setFlags(now.flags);
    setLeft(false);
  };

  // Before anybody can write on in what is shown: what came would go over it.
  useLayoutEffect(() => {
    if (index === base.index || conflict || busy) return;
    if (touched && same(now, base)) setBase(now);
    else if (!create) take();
  }, [index, stored, conflict, busy]);
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
    if (name === "" || busy || settling) return;
    setBusy(true);
    try {
      if (await saveKey(name, text, flags, over)) {
        say(`Saved ${name}`);
        setBase({ index: over, text, flags });
        setReplaced(over);
        setLeft(false);
        forget();
        onCreated?.();
        if (create) navigate(name.endsWith("/") ? folderHref(name) : keyHref(name));
      } else {
        say(
          create ? "This key exists already" : "Somebody has changed this key meanwhile: look at the difference",
          false,
        );
      }
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  if (stored === undefined) return <Binary name={name} pair={pair!} />;
  const folderOnly = name.endsWith("/");
  return (
    <>
      {left && touched && !conflict && <DraftNote onDiscard={take} />}
      {conflict && (
        <Conflict
          what="This key"
          keep="Save mine over it"
          mine={text}
          theirs={stored}
          onTake={take}
          onKeep={() => void save(index)}
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
          disabled={busy || settling || name === "" || (!touched && !create && pair !== undefined) || conflict}
          onClick={() => void save(create ? 0 : base.index)}
        >
          {create || pair === undefined ? "Create" : "Save"}
        </button>
        {touched && !create && (
          <button type="button" class="button" onClick={take}>
            Undo all
          </button>
        )}
        {pair && <DeleteButton pair={pair} disabled={busy || settling} onDeleted={forget} />}
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
            created {pair.CreateIndex}, changed {pair.ModifyIndex},{" "}
            {pair.LockIndex === 0 ? "never locked" : `locked ${count(pair.LockIndex, "time")}`}
          </span>
        )}
      </div>
    </>
  );
}

const names: Record<Language, string> = { json: "JSON", yaml: "YAML", hcl: "HCL", text: "text" };

function DeleteButton({
  pair,
  disabled = false,
  onDeleted,
}: {
  readonly pair: KvPair;
  readonly disabled?: boolean;
  readonly onDeleted?: () => void;
}) {
  return (
    <button
      type="button"
      class="button danger"
      disabled={disabled}
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
            onDeleted?.();
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
        <button type="button" class="button" onClick={() => download(name.split("/").at(-1) || "value", "", bytes)}>
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
                sayError,
              );
            }}
          />
        </label>
        <DeleteButton pair={pair} />
      </div>
    </>
  );
}
