import type { Live } from "../data/live.ts";
import { agentAway } from "../data/presence.ts";
import { ago } from "../lib/age.ts";
import { now } from "./clock.ts";
import { Icon, type IconName } from "./icons.tsx";

const order: readonly Live<unknown>["state"][] = ["away", "error", "denied", "loading", "fresh", "missing", "absent"];

/** The least good of what a page shows decides what it says of its age. */
export function leastFresh(lives: readonly Live<unknown>[]): Live<unknown> | undefined {
  return [...lives].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || (a.asOf ?? 0) - (b.asOf ?? 0))[0];
}

/** Says how old what is shown is: pushed as it changes, asked every so often, or as of some time ago. */
export function Freshness({ lives }: { readonly lives: readonly Live<unknown>[] }) {
  const live = leastFresh(lives);
  if (live === undefined) return null;
  const { asOf } = live;
  // An agent that has fallen silent keeps its connections for a while: nothing is fresh then.
  const answered = ["fresh", "missing", "absent"].includes(live.state);
  const state = answered && agentAway.value !== undefined ? "away" : live.state;
  const since = asOf === undefined ? "" : ago(now.value - asOf);
  const polled = lives.every(({ way }) => way === "poll");
  const [icon, text]: [IconName, string] =
    state === "away"
      ? ["away", asOf === undefined ? "Agent away" : `As of ${since}`]
      : state === "error"
        ? ["away", asOf === undefined ? "Refused" : `As of ${since}`]
        : state === "denied"
          ? ["lock", "Not permitted"]
          : state === "loading"
            ? ["clock", "Loading"]
            : polled
              ? ["clock", `Updated ${since}`]
              : ["refresh", "Live"];
  const title = state === "fresh" && !polled ? `Changes are pushed; confirmed ${since}` : (live.error ?? text);
  return (
    <span
      class={`freshness ${state === "fresh" && polled ? "polled" : state}`}
      title={title}
      data-state={state}
      data-polled={polled ? "" : undefined}
    >
      {text === "Live" ? <Pulse /> : <Icon name={icon} size={14} />}
      {text}
    </span>
  );
}

function Pulse() {
  return (
    <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      <circle cx="5" cy="5" r="4" fill="currentColor" />
    </svg>
  );
}
