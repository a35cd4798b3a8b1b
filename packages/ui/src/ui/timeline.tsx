import { datacenter } from "../data/agent.ts";
import type { Live } from "../data/live.ts";
import type { History, Transition } from "../data/types.ts";
import { ago, count } from "../lib/age.ts";
import type { Health } from "../lib/health.ts";
import { groupBy, healthOfStatus, type Stretch, stretches, worstFirst } from "../lib/history.ts";
import { href } from "../lib/routes.ts";
import { now } from "./clock.ts";
import { GlidingList } from "./glide.tsx";
import { Await, Note } from "./states.tsx";
import { StatusIcon } from "./status.tsx";

/** What happened, newest first, from `/v1/history`; Consul's agents keep none, and the panel says so. */
export function Timeline({ live, bands = false }: { readonly live: Live<History>; readonly bands?: boolean }) {
  if (live.state === "missing" || live.state === "absent") {
    return (
      <Note small icon="clock" title="No history here">
        <p class="small">This agent keeps no history of changes. Tribune's servers do.</p>
      </Note>
    );
  }
  return (
    <Await live={live} rows={4} small>
      {(history) => {
        const transitions = history.Transitions ?? [];
        return (
          <>
            {bands && transitions.length > 0 && <Bands transitions={transitions} />}
            {transitions.length === 0 ? (
              <p class="muted small">Nothing has changed since {since(history)}.</p>
            ) : (
              <>
                <GlidingList class="timeline">
                  {transitions.map((each) => (
                    <Row
                      key={`${each.Index} ${each.Kind} ${each.Node} ${each.ServiceID} ${each.CheckID}`}
                      each={each}
                    />
                  ))}
                </GlidingList>
                <p class="muted small">Complete since {since(history)}.</p>
              </>
            )}
          </>
        );
      }}
    </Await>
  );
}

const since = ({ Since }: History): string => (Since.Time === "" ? `index ${Since.Index}` : when(Since.Time));

/** Time of day today, with the date otherwise; the whole in the title. */
function when(time: string): string {
  const date = new Date(time);
  const today = new Date(now.value).toDateString() === date.toDateString();
  const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return today ? clock : `${date.toLocaleDateString("en-CA")} ${clock}`;
}

function Row({ each }: { readonly each: Transition }) {
  const to = healthOfStatus(each.To);
  const health: Health = each.Kind === "check" && to !== "gone" && to !== "unknown" ? to : "none";
  return (
    <li>
      <StatusIcon health={health} />
      <div class="timeline-what">
        <div>{sentence(each)}</div>
        {each.Output !== "" && each.To !== "passing" && <div class="small muted timeline-output">{each.Output}</div>}
      </div>
      <time class="muted small" dateTime={each.Time} title={each.Time === "" ? `index ${each.Index}` : each.Time}>
        {each.Time === "" ? `index ${each.Index}` : `${when(each.Time)} · ${ago(now.value - Date.parse(each.Time))}`}
      </time>
    </li>
  );
}

function sentence(each: Transition) {
  const dc = datacenter.value;
  const node = <a href={href(dc, "nodes", each.Node)}>{each.Node}</a>;
  const service = each.ServiceName && (
    <a href={href(dc, "services", each.ServiceName, "instances", each.Node, each.ServiceID)}>{each.ServiceID}</a>
  );
  if (each.Kind === "check") {
    return (
      <>
        {service || node} <strong>{each.Name || each.CheckID}</strong> {verb(each)}
        {service ? <span class="muted"> on {each.Node}</span> : ""}
      </>
    );
  }
  const changed = each.Changed && each.Changed.length > 0 ? `changed ${each.Changed.join(", ")}` : verb(each);
  return (
    <>
      {each.Kind === "node" ? "Node " : "Service "}
      {each.Kind === "node" ? node : service} {changed}
      {each.Kind === "service" ? <span class="muted"> on {each.Node}</span> : ""}
    </>
  );
}

function verb({ From, To, Kind }: Transition): string {
  if (To === "") return "was removed";
  if (From === "") return Kind === "check" ? `was added, ${To}` : "was registered";
  return From === To ? "changed" : `${From} → ${To}`;
}

/** Of these the shortest that shows all that is known, else the longest. */
const windows = [
  [300_000, "5 minutes ago"],
  [1_800_000, "half an hour ago"],
  [3_600_000, "one hour ago"],
  [86_400_000, "a day ago"],
] as const;
const bandsMax = 12;

/** One bar for each check over the last minutes or hours. */
function Bands({ transitions }: { readonly transitions: readonly Transition[] }) {
  const end = now.value;
  const oldest = Math.min(...transitions.map(({ Time }) => Date.parse(Time)).filter((at) => !Number.isNaN(at)));
  const [windowMs, words] = windows.find(([ms]) => end - oldest < ms) ?? windows.at(-1)!;
  const groups = worstFirst(
    groupBy(
      transitions.filter(({ Kind }) => Kind === "check"),
      ({ Node, CheckID }) => `${Node} ${CheckID}`,
    ),
  );
  return (
    <ul class="bands" aria-label="Check by check">
      {groups.slice(0, bandsMax).map(([key, turns]) => {
        const parts = stretches(turns, end - windowMs, end);
        return (
          <li key={key}>
            <span class="ellipsis small">
              {turns[0]!.Name || turns[0]!.CheckID} <span class="muted">{turns[0]!.ServiceID || turns[0]!.Node}</span>
            </span>
            <Band parts={parts} start={end - windowMs} windowMs={windowMs} />
            <span class="sr-only">{parts.map(({ health }) => health).join(", then ")}</span>
          </li>
        );
      })}
      <li class="muted small" aria-hidden="true">
        <span />
        <span class="row">
          {words} <span class="end">now</span>
        </span>
      </li>
      {groups.length > bandsMax && (
        <li class="muted small">
          <span />
          <span>and {count(groups.length - bandsMax, "check")} more, none of them worse</span>
        </li>
      )}
    </ul>
  );
}

function Band({
  parts,
  start,
  windowMs,
}: {
  readonly parts: readonly Stretch[];
  readonly start: number;
  readonly windowMs: number;
}) {
  return (
    <svg class="band" viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">
      {parts.map(({ from, to, health }) => (
        <rect
          key={from}
          class={`band-${health}`}
          x={((from - start) / windowMs) * 1000}
          width={Math.max(2, ((to - from) / windowMs) * 1000)}
          y={health === "critical" ? 0 : health === "warning" ? 4 : health === "passing" ? 6 : 7}
          height={health === "critical" ? 16 : health === "warning" ? 8 : health === "passing" ? 4 : 2}
        />
      ))}
    </svg>
  );
}
