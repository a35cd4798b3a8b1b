import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A modal question in the browser's own dialog: focus stays inside, Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog ref={box} aria-label={title} onClose={onClose}>
      <div class="dialog-body">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface Question {
  readonly title: string;
  readonly text: ComponentChildren;
  readonly action: string;
  readonly danger?: boolean;
  readonly run: () => Promise<unknown>;
  /** What is said when it went well. */
  readonly done: string;
}

const asked = signal<Question | undefined>(undefined);

/** Asks before something that cannot be taken back, and says how it went. */
export function confirm(question: Question): void {
  asked.value = question;
}

export function ConfirmHost() {
  const question = asked.value;
  if (question === undefined) return null;
  const close = (): void => {
    asked.value = undefined;
  };
  return (
    <Dialog title={question.title} onClose={close}>
      <div>{question.text}</div>
      <div class="actions">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button
          type="button"
          class={question.danger ? "button danger" : "button primary"}
          onClick={() => {
            close();
            void attempt(question.run, question.done);
          }}
        >
          {question.action}
        </button>
      </div>
    </Dialog>
  );
}

interface Toast {
  readonly id: number;
  readonly good: boolean;
  readonly text: string;
}
const toasts = signal<readonly Toast[]>([]);
let nextToast = 1;

export function say(text: string, good = true): void {
  const toast = { id: nextToast++, good, text };
  toasts.value = [...toasts.value.slice(-3), toast];
  setTimeout(
    () => {
      toasts.value = toasts.value.filter(({ id }) => id !== toast.id);
    },
    good ? 4000 : 10_000,
  );
}

/** Runs an action and says how it went; true when it went well. */
export async function attempt(run: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await run();
    say(done);
    return true;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), false);
    return false;
  }
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, good, text }) => (
        <div class="toast fade-in" key={id}>
          <span class={good ? "status passing" : "status critical"}>{good ? "Done" : "Failed"}</span>
          <span class="break">{text}</span>
        </div>
      ))}
    </div>
  );
}
