import { signal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Refused } from "../data/send.ts";
import { Icon } from "./icons.tsx";
import { StatusIcon } from "./status.tsx";
import { WhyLink } from "./why-link.tsx";

/** Opens the browser's own dialog as soon as it is drawn: the next key that is pressed is already for it. */
export function useModal(dialog: RefObject<HTMLDialogElement | null>): void {
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    // While it is still in the document: closing gives the keyboard back to where it was, taking it out gives it to nothing.
    return () => opened?.close();
  }, []);
}

/** A modal question in the browser's own dialog: focus stays inside and goes back to where it was, Escape closes it. */
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
  useModal(box);
  // As soon as it is drawn, as with the keys.
  useLayoutEffect(() => {
    // Whoever goes to another page by the browser's own buttons is not asked there.
    addEventListener("popstate", onClose);
    return () => removeEventListener("popstate", onClose);
  }, []);
  return (
    // What is said of one that is gone already must not close the next.
    <dialog ref={box} aria-label={title} onClose={() => box.current !== null && onClose()}>
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
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly good: boolean;
  readonly text: string;
  /** The request that was not permitted. */
  readonly denied?: string;
}
const toasts = signal<readonly Toast[]>([]);
let nextToast = 1;
const toastsMax = 4;
const readMs = { good: 4000, bad: 10_000 };

/** Nothing goes by time alone, for nobody knows how long somebody reads: only what comes next takes it away. */
const isRead = ({ at, good }: Toast): boolean => Date.now() - at >= (good ? readMs.good : readMs.bad);

/** Says how something went. It stands until there is something else to say, or until somebody who could read it goes on. */
export function say(text: string, good = true, denied?: string): void {
  const toast: Toast = { id: nextToast++, at: Date.now(), good, text, ...(denied === undefined ? {} : { denied }) };
  const unread = toasts.value.filter((each) => !each.good && !isRead(each) && each.text !== text);
  toasts.value = [...unread.slice(1 - toastsMax), toast];
}

/** Keys that only look for something, or belong to another. */
const passive = new Set(["Tab", "Shift", "Control", "Alt", "Meta"]);

function goneOn(event: Event): void {
  if (toasts.value.length === 0 || (event instanceof KeyboardEvent && passive.has(event.key))) return;
  if (event.target instanceof Element && event.target.closest(".toasts") !== null) return;
  if (toasts.value.some(isRead)) toasts.value = toasts.value.filter((each) => !isRead(each));
}

export function sayError(error: unknown): void {
  const denied = error instanceof Refused && error.status === 403 ? error.request : undefined;
  say(error instanceof Error ? error.message : String(error), false, denied);
}

/** Runs an action and says how it went; true when it went well. */
export async function attempt(run: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await run();
    say(done);
    return true;
  } catch (error) {
    sayError(error);
    return false;
  }
}

const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
};

/** Over the top bar, where nothing of the page is that somebody may want to press next. */
export function Toasts() {
  useEffect(() => {
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, goneOn, { passive: true });
    return () => {
      for (const kind of ["pointerdown", "keydown"]) removeEventListener(kind, goneOn);
    };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, good, text, denied }) => (
        <div class="toast fade-in" key={id}>
          <span class={good ? "status passing" : "status critical"}>
            <StatusIcon health={good ? "passing" : "critical"} />
            {good ? "Done" : "Failed"}
          </span>
          <span class="break">{text}</span>
          {denied !== undefined && <WhyLink request={denied} refusal={text} />}
          <button type="button" class="toast-out end" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
