import { useMemo } from "preact/hooks";
import { highlight, type Language } from "../lib/highlight.ts";

/** Longer texts have no colours: each letter typed would lay out and colour all of them. Characters. */
const colouredMax = 32 * 1024;

/** A text field with coloured letters below its own: everything a text field can do stays as it is. */
export function Editor({
  value,
  language,
  label,
  onInput,
  onSave,
}: {
  readonly value: string;
  readonly language: Language;
  readonly label: string;
  readonly onInput: (value: string) => void;
  readonly onSave?: () => void;
}) {
  const long = value.length > colouredMax;
  return (
    <div class={long ? "editor long" : "editor"}>
      {!long && (
        <pre aria-hidden="true">
          <Highlighted text={value} language={language} />
          {"\n"}
        </pre>
      )}
      <textarea
        aria-label={label}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if ((event.ctrlKey || event.metaKey) && event.key === "Enter") onSave?.();
        }}
      />
    </div>
  );
}

export function Highlighted({ text, language }: { readonly text: string; readonly language: Language }) {
  const pieces = useMemo(() => highlight(text, language), [text, language]);
  return (
    <code>
      {pieces.map(({ kind, text: each }, i) =>
        kind === "plain" ? (
          each
        ) : (
          <span key={i} class={`code-${kind}`}>
            {each}
          </span>
        ),
      )}
    </code>
  );
}
