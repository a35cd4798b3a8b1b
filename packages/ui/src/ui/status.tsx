import { type Health, healthWord } from "../lib/health.ts";

/**
 * A state has a shape of its own, not only a colour: a disc with a tick, a triangle, a diamond with a cross, an empty
 * ring.
 */
const fills: Record<Health, string> = {
  passing: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z",
  warning: "M8 1.3L15.3 14H.7z",
  critical: "M8 .6L15.4 8 8 15.4.6 8z",
  none: "",
};
const marks: Record<Health, string> = {
  passing: "M5 8.2l2.1 2.1L11 6.1",
  warning: "M8 6v4M8 12h.01",
  critical: "M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2",
  none: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM5.5 8h5",
};

export function StatusIcon({ health, size = 15 }: { readonly health: Health; readonly size?: number }) {
  const mark = health === "none" ? "currentColor" : "var(--surface)";
  return (
    <svg width={`${size / 16}rem`} height={`${size / 16}rem`} viewBox="0 0 16 16" class={health} aria-hidden="true">
      <path d={fills[health]} fill="currentColor" />
      <path d={marks[health]} fill="none" stroke={mark} stroke-width="1.6" stroke-linecap="round" />
    </svg>
  );
}

/** Icon and word; with `quiet` the word is for readers only. */
export function Status({
  health,
  text = healthWord[health],
  quiet = false,
}: {
  readonly health: Health;
  readonly text?: string;
  readonly quiet?: boolean;
}) {
  return (
    <span class={`status ${health}`}>
      <StatusIcon health={health} />
      <span class={quiet ? "sr-only" : ""}>{text}</span>
    </span>
  );
}

/** How many checks say what; nothing is drawn for what nobody says. What comes and goes is last. */
export function CheckCount({ counts }: { readonly counts: { passing: number; warning: number; critical: number } }) {
  const kinds = (["passing", "warning", "critical"] as const).filter((kind) => counts[kind] > 0);
  if (kinds.length === 0) return <span class="muted small">no checks</span>;
  return (
    <span class="row small check-count">
      {kinds.map((kind) => (
        <span key={kind} class={`status ${kind}`}>
          <StatusIcon health={kind} />
          <span>
            {counts[kind]} <span class="word">{kind}</span>
          </span>
        </span>
      ))}
    </span>
  );
}
