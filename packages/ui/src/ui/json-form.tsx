import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { problemOf } from "../data/validate.ts";
import { Conflict } from "./conflict.tsx";
import { attempt } from "./dialog.tsx";
import { DraftNote, useDraft } from "./drafts.tsx";
import { Editor } from "./editor.tsx";

/** Something the API takes as JSON: edited as text, checked while it is written, saved whole. */
export function JsonForm({
  value,
  label,
  draft,
  action,
  done,
  creating = false,
  onSave,
  children,
}: {
  /** What the agent has now; may change while somebody writes. */
  readonly value: string;
  readonly label: string;
  /** What its draft is called. */
  readonly draft: string;
  readonly action: string;
  readonly done: string;
  readonly creating?: boolean;
  readonly onSave: (text: string) => Promise<unknown>;
  readonly children?: preact.ComponentChildren;
}) {
  const { kept, keep, forget } = useDraft<{ readonly from: string; readonly base: string; readonly text: string }>(
    draft,
  );
  const [left, setLeft] = useState(kept !== undefined);
  // What the agent had when this was begun, and what is written over: the same until something is saved.
  const [from, setFrom] = useState(kept?.from ?? value);
  const [base, setBase] = useState(kept?.base ?? value);
  const [text, setText] = useState(kept?.text ?? value);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    void problemOf(text, "json").then(setProblem);
  }, [text]);
  const touched = text !== base;
  const news = value !== from && !busy;
  const conflict = news && touched && value !== base && value !== text;
  keep(touched, { from, base, text });
  const over = (): void => {
    setFrom(value);
    setBase(value);
  };
  const take = (): void => {
    over();
    setText(value);
    setLeft(false);
  };
  // Before anybody can write on in what is shown: what came would go over it.
  useLayoutEffect(() => {
    if (!news || conflict) return;
    if (touched) over();
    else take();
  }, [value, news, conflict]);
  const can = problem === undefined && !busy && !conflict && (creating || touched);
  const save = async (): Promise<void> => {
    if (!can) return;
    setBusy(true);
    const good = await attempt(async () => {
      await onSave(text);
      forget();
    }, done);
    if (good) {
      // What was sent is what is written over from now on: the agent lays it out in its own way.
      setLeft(false);
      if (!creating) setBase(text);
    }
    setBusy(false);
  };
  return (
    <div class="stack">
      {left && touched && !conflict && <DraftNote onDiscard={take} />}
      {conflict && <Conflict theirs={value} mine={text} onTake={take} onKeep={over} />}
      <div>
        <Editor value={text} language="json" label={label} onInput={setText} onSave={() => void save()} />
        <p class="small validity" role="status">
          {problem === undefined ? (
            <span class="status passing">Valid JSON</span>
          ) : (
            <span class="status critical break">{problem}</span>
          )}
        </p>
      </div>
      <div class="row wrap">
        <button type="button" class="button primary" disabled={!can} onClick={() => void save()}>
          {action}
        </button>
        {children}
      </div>
    </div>
  );
}
