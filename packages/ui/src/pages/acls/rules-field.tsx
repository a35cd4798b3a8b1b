import { useEffect, useState } from "preact/hooks";
import { readRules } from "../../data/rules.ts";
import { count } from "../../lib/age.ts";
import { Editor } from "../../ui/editor.tsx";

/** A policy's rules: coloured, and checked down to the words that Consul would silently pass over. */
export function RulesField({
  value,
  onInput,
  onSave,
  onProblem,
}: {
  readonly value: string;
  readonly onInput: (text: string) => void;
  readonly onSave: () => void;
  readonly onProblem: (problem: string | undefined) => void;
}) {
  const [said, setSaid] = useState<{ readonly good: boolean; readonly text: string } | undefined>(undefined);
  useEffect(() => {
    let over = false;
    const found = (good: boolean, text: string): void => {
      if (over) return;
      setSaid({ good, text });
      onProblem(good ? undefined : text);
    };
    readRules(value).then(
      (rules) => found(true, `Valid, ${count(rules.length, "rule")}`),
      (error: unknown) => found(false, error instanceof Error ? error.message : String(error)),
    );
    return () => {
      over = true;
    };
  }, [value]);
  return (
    <div class="field">
      <span>Rules</span>
      <Editor value={value} language="hcl" label="Rules of the policy" onInput={onInput} onSave={onSave} />
      <p class="small validity" role="status" id="validity">
        {said && <span class={said.good ? "status passing" : "status critical break"}>{said.text}</span>}
      </p>
    </div>
  );
}
