import { useRef } from "preact/hooks";
import { datacenter } from "../data/agent.ts";
import type { Live } from "../data/live.ts";
import type { Check, History } from "../data/types.ts";
import { type Health, healthRank } from "../lib/health.ts";
import { href } from "../lib/routes.ts";
import { CopyButton } from "./copy.tsx";
import { useGlide } from "./glide.tsx";
import { Since } from "./since.tsx";
import { Note } from "./states.tsx";
import { Status } from "./status.tsx";

const healthOf = (check: Check): Health =>
  check.Status === "passing" || check.Status === "warning" ? check.Status : "critical";

/** Checks with what they said last and for how long they have been saying it, the worst first. */
export function Checks({
  checks,
  history,
  ofNode = false,
}: {
  readonly checks: readonly Check[];
  /** Has the turns of these checks, where the agent keeps any. */
  readonly history: Live<History>;
  /** They belong to different services, which are named. */
  readonly ofNode?: boolean;
}) {
  const list = useRef<HTMLUListElement>(null);
  useGlide(list);
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
    <ul class="list checks" ref={list}>
      {sorted.map((check) => (
        <li key={`${check.Node} ${check.CheckID}`} data-check={check.CheckID} data-health={healthOf(check)}>
          <div class="check-head">
            <Status health={healthOf(check)} />
            <strong class="break">{check.Name || check.CheckID}</strong>
            {ofNode && check.ServiceName !== "" && (
              <a
                class="small break"
                href={href(datacenter.value, "services", check.ServiceName, "instances", check.Node, check.ServiceID)}
              >
                {check.ServiceID}
              </a>
            )}
            <span class="row">
              {check.Output !== "" && (
                <CopyButton
                  text={check.Output.trim()}
                  label={`the output of ${check.Name || check.CheckID}`}
                  said="the output"
                />
              )}
              <span class="muted small check-since">
                <Since check={check} history={history} />
              </span>
            </span>
            <span class="muted small end break">
              {check.Type ? `${check.Type} check` : ""} {check.Interval ? `every ${check.Interval}` : ""}{" "}
              <span class="mono">{check.CheckID}</span>
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
