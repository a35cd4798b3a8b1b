import { useState } from "preact/hooks";
import { say, sayError } from "./dialog.tsx";
import { Icon } from "./icons.tsx";

/**
 * Browsers give the clipboard to secure pages only, and where they are permitted to; an agent by plain HTTP is none, and
 * there the old way still works.
 *
 * @param button what was pressed
 */
async function copy(text: string, button: HTMLElement): Promise<void> {
  try {
    if (navigator.clipboard !== undefined) return await navigator.clipboard.writeText(text);
  } catch {
    // not permitted: the old way may be
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "sr-only";
  // Outside of a dialog that is open nothing can be selected.
  button.after(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  button.focus();
  if (!done) throw new Error("The browser does not let it be copied");
}

/** Puts something on the clipboard; `said` is what is told of it then. Over a dialog only the button can say it. */
export function CopyButton({
  text,
  label,
  said = text,
}: {
  readonly text: string;
  readonly label: string;
  readonly said?: string;
}) {
  const [copied, setCopied] = useState(false);
  const forget = (): void => setCopied(false);
  const name = `${copied ? "Copied" : "Copy"} ${label}`;
  return (
    <button
      type="button"
      class="copy"
      aria-label={name}
      title={name}
      onBlur={forget}
      onPointerLeave={forget}
      onClick={(event) =>
        void copy(text, event.currentTarget).then(() => {
          setCopied(true);
          say(`Copied ${said}`);
        }, sayError)
      }
    >
      <Icon name={copied ? "check" : "copy"} size={13} />
    </button>
  );
}

/** A value with a button that puts it on the clipboard. */
export function Copyable({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <span class="copyable">
      <span class="mono break">{text}</span>
      <CopyButton text={text} label={label} />
    </span>
  );
}
