import { diffLines } from "../lib/diff.ts";

const words = { same: "", old: "removed", new: "added" } as const;
const signs = { same: " ", old: "−", new: "+" } as const;

/** Two texts as one: minus and plus say it as well as the colours. */
export function DiffView({
  before,
  after,
  label,
}: {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <pre role="region" class="output diff" tabIndex={0} aria-label={label}>
      {diffLines(before, after).map(({ kind, text }, i) => (
        <span key={i} class={`diff-${kind}`}>
          <span aria-hidden="true">{signs[kind]} </span>
          {kind !== "same" && <span class="sr-only">{words[kind]}: </span>}
          {text}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
