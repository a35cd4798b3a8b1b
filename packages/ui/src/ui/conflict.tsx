import { DiffView } from "./diff-view.tsx";
import { Icon } from "./icons.tsx";

/** Somebody else has saved what is being written here: both are shown, and nothing is lost unasked. */
export function Conflict({
  what = "This",
  keep = "Keep mine",
  theirs,
  mine,
  onTake,
  onKeep,
}: {
  /** What has changed, as a sentence begins with it. */
  readonly what?: string;
  readonly keep?: string;
  readonly theirs: string;
  readonly mine: string;
  readonly onTake: () => void;
  readonly onKeep: () => void;
}) {
  return (
    <section class="stack-s" id="conflict" aria-label="Conflict">
      <p class="banner" role="alert">
        <Icon name="away" size={14} /> {what} has changed while you were writing. Minus is theirs, plus is yours.
      </p>
      <DiffView before={theirs} after={mine} label="Difference from their version to yours" />
      <div class="row">
        <button type="button" class="button" onClick={onTake}>
          Take theirs
        </button>
        <button type="button" class="button" onClick={onKeep}>
          {keep}
        </button>
      </div>
    </section>
  );
}
