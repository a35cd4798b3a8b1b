import type { Check } from "../data/types.ts";
import { type Health, healthRank } from "../lib/health.ts";
import { Note } from "./states.tsx";
import { Status } from "./status.tsx";

const healthOf = (check: Check): Health =>
  check.Status === "passing" || check.Status === "warning" ? check.Status : "critical";

/** Checks with what they said last, the worst first. */
export function Checks({ checks }: { readonly checks: readonly Check[] }) {
  if (checks.length === 0) {
    return (
      <Note small icon="policy" title="No checks">
        <p class="small">Without checks it counts as healthy.</p>
      </Note>
    );
  }
  const sorted = [...checks].sort(
    (a, b) => healthRank(healthOf(a)) - healthRank(healthOf(b)) || a.Name.localeCompare(b.Name),
  );
  return (
    <ul class="list checks">
      {sorted.map((check) => (
        <li key={`${check.Node} ${check.CheckID}`} data-check={check.CheckID} data-health={healthOf(check)}>
          <div class="check-head">
            <Status health={healthOf(check)} />
            <strong class="break">{check.Name || check.CheckID}</strong>
            <span class="muted small end">
              {check.Type ? `${check.Type} check` : ""} <span class="mono">{check.CheckID}</span>
            </span>
          </div>
          {check.Notes !== "" && <p class="small muted">{check.Notes}</p>}
          {check.Output !== "" && (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
            <pre role="region" class="output" tabIndex={0} aria-label={`Output of ${check.Name}`}>
              {check.Output.trim()}
            </pre>
          )}
        </li>
      ))}
    </ul>
  );
}
