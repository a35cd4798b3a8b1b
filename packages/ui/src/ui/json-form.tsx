import { useEffect, useState } from "preact/hooks";
import { problemOf } from "../data/validate.ts";
import { Conflict } from "./conflict.tsx";
import { attempt } from "./dialog.tsx";
import { Editor } from "./editor.tsx";

/** Something the API takes as JSON: edited as text, checked while it is written, saved whole. */
export function JsonForm({
  value,
  label,
  action,
  done,
  onSave,
  children,
}: {
  /** What the agent has now; may change while somebody writes. */
  readonly value: string;
  readonly label: string;
  readonly action: string;
  readonly done: string;
  readonly onSave: (text: string) => Promise<unknown>;
  readonly children?: preact.ComponentChildren;
}) {
  const [base, setBase] = useState(value);
  const [text, setText] = useState(value);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (value === base) return;
    if (text === base) setText(value);
    else if (text !== value) return;
    setBase(value);
  }, [value, text]);
  useEffect(() => {
    void problemOf(text, "json").then(setProblem);
  }, [text]);
  const conflict = value !== base && text !== base;
  const save = async (): Promise<void> => {
    if (problem !== undefined || busy || conflict) return;
    setBusy(true);
    await attempt(() => onSave(text), done);
    setBusy(false);
  };
  return (
    <div class="stack">
      {conflict && (
        <Conflict
          theirs={value}
          mine={text}
          onTake={() => {
            setText(value);
            setBase(value);
          }}
          onKeep={() => setBase(value)}
        />
      )}
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
        <button
          type="button"
          class="button primary"
          disabled={busy || problem !== undefined || conflict}
          onClick={() => void save()}
        >
          {action}
        </button>
        {children}
      </div>
    </div>
  );
}
