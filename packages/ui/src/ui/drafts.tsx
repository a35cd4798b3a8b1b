import { signal } from "@preact/signals";
import { useLayoutEffect, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** What somebody has written and not saved, for as long as the site is open: going elsewhere and back loses none of it. */
const drafts = new Map<string, unknown>();
/** How often all was thrown away: forms of before must not put back what they show. */
export const draftsForgotten = signal(0);

export const hasDrafts = (): boolean => drafts.size > 0;
/** Of something that is deleted, for one. */
export const forgetDraft = (name: string): boolean => drafts.delete(name);

/** What one has written is for nobody who logs in next. */
export function forgetDrafts(): void {
  drafts.clear();
  draftsForgotten.value++;
}

// Only a reload or another site would lose it: the browser asks first.
addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) event.preventDefault();
});

/**
 * What was written under this name when its page was left, and the keeping of what is written now.
 *
 * @param name stays the same while a form stands: forms of other things have other keys
 * @returns `kept` is what to begin with; `keep` is called with every drawing, `forget` when it is saved or thrown away
 */
export function useDraft<T>(name: string): {
  readonly kept: T | undefined;
  readonly keep: (written: boolean, draft: T) => void;
  readonly forget: () => void;
} {
  const [kept] = useState(() => drafts.get(name) as T | undefined);
  const forget = (): void => {
    forgetDraft(name);
  };
  const keep = (written: boolean, draft: T): void => {
    useLayoutEffect(() => {
      if (written) drafts.set(name, draft);
      else forget();
    });
  };
  return { kept, keep, forget };
}

/** Says that a form begins with what was left there. */
export function DraftNote({ onDiscard }: { readonly onDiscard: () => void }) {
  return (
    <p class="banner draft">
      <Icon name="pencil" size={14} />
      <span>What you had written here is not saved yet.</span>
      <button type="button" class="button end" onClick={onDiscard}>
        Discard it
      </button>
    </p>
  );
}
