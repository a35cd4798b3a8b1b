import type { ComponentChildren } from "preact";
import { aclsEnabled, datacenter, localDatacenter } from "../data/agent.ts";
import type { Live } from "../data/live.ts";
import { token } from "../data/token.ts";
import { ago } from "../lib/age.ts";
import { now } from "./clock.ts";
import { Icon, type IconName } from "./icons.tsx";
import { openLogin } from "./login.tsx";
import { WhyLink } from "./why-link.tsx";

/** A calm word where there is nothing to show: what it is, why, what to do. */
export function Note({
  icon,
  title,
  children,
  small = false,
}: {
  readonly icon?: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly small?: boolean;
}) {
  return (
    <div class={small ? "note small" : "note fade-in"}>
      <h2>
        {icon && <Icon name={icon} />}
        {title}
      </h2>
      {children && <div class="stack-s">{children}</div>}
    </div>
  );
}

/** Lines where rows will be, in the size they will have: nothing jumps when they come. A reader hears why. */
export function Ghosts({ rows = 6 }: { readonly rows?: number }) {
  return (
    <>
      <p class="sr-only" role="status">
        Loading
      </p>
      <ul class="list" aria-hidden="true">
        {Array.from({ length: rows }, (_, i) => (
          <li key={i}>
            <div class="item">
              <div class="ghost" style={{ width: `${[38, 52, 30, 45, 60, 34][i % 6]}%` }} />
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

/** A section that may be unknown, forbidden, absent or empty, or can be shown. What is old is still shown: the page says so. */
export function Await<T>({
  live,
  children,
  empty,
  missing,
  rows,
  small = false,
}: {
  readonly live: Live<T>;
  readonly children: (value: T) => ComponentChildren;
  /** Shown for null and for lists of nothing. */
  readonly empty?: ComponentChildren;
  readonly missing?: ComponentChildren;
  readonly rows?: number;
  readonly small?: boolean;
}) {
  const { value, state, error } = live;
  if (state === "denied") {
    return (
      <Note icon="lock" title="Not permitted" small={small}>
        <p>{token.value === "" ? "Nobody is logged in, and this needs a token." : "Your token may not read this."}</p>
        <p class="muted small">{error}</p>
        <button type="button" class="button" onClick={openLogin}>
          <Icon name="key" /> {token.value === "" ? "Log in" : "Use another token"}
        </button>
        {live.path !== undefined && <WhyLink request={`GET /v1/${live.path}`} refusal={error ?? ""} />}
      </Note>
    );
  }
  if (state === "absent") {
    return (
      <Note icon="config" title="This agent does not have it" small={small}>
        <p class="muted small">{error}</p>
      </Note>
    );
  }
  if (state === "missing") return <>{missing ?? empty ?? <Note title="There is nothing here" small={small} />}</>;
  if (value === undefined) {
    if (state === "loading") return <Ghosts rows={rows ?? 6} />;
    if (/No path to datacenter/i.test(error ?? "")) return <NoPath small={small} />;
    return (
      <Note icon="away" title={state === "away" ? "The agent does not answer" : "The agent refused"} small={small}>
        <p>{state === "away" ? "Nothing has been read yet. It is asked again every second." : error}</p>
      </Note>
    );
  }
  const nothing = value === null || (Array.isArray(value) && value.length === 0);
  if (nothing && empty !== undefined) {
    return (
      <>
        {empty}
        <LeftOut live={live} />
      </>
    );
  }
  return (
    <>
      {state === "error" && (
        <p class="banner" role="alert">
          <Icon name="away" size={14} />
          <span>
            {error}
            {live.asOf !== undefined && `. What is shown is as of ${ago(now.value - live.asOf)}.`}
          </span>
        </p>
      )}
      {children((value ?? []) as T)}
    </>
  );
}

function NoPath({ small }: { readonly small: boolean }) {
  return (
    <Note icon="away" title={`No path to datacenter ${datacenter.value}`} small={small}>
      <p>
        The servers of {localDatacenter.value} do not pass requests on to it, or cannot reach it. Its own agents show it
        on their pages.
      </p>
    </Note>
  );
}

/** Servers that check tokens leave out of lists what the token may not read, and do not say so: empty may mean forbidden. */
function LeftOut({ live }: { readonly live: Live<unknown> }) {
  if (!aclsEnabled.value || !Array.isArray(live.value ?? [])) return null;
  return (
    <p class="small muted left-out">
      {token.value === ""
        ? "Nobody is logged in, and lists leave out what may not be read."
        : "Lists leave out what your token may not read."}{" "}
      {live.path !== undefined && <WhyLink request={`GET /v1/${live.path}`} refusal="" />}
    </p>
  );
}
