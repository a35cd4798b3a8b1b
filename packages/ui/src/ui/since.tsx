import { inDatacenter } from "../data/agent.ts";
import type { Live } from "../data/live.ts";
import type { Check, History } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { age } from "../lib/age.ts";
import { lastTurn } from "../lib/history.ts";
import { now } from "./clock.ts";

/** How long a check says what it says, out of a history that holds it; nothing where there is none. */
export function Since({ check, history }: { readonly check: Check; readonly history: Live<History> }) {
  if (history.value === undefined) return null;
  const { at, exact } = lastTurn(history.value, check);
  if (at === undefined) return null;
  return (
    <time class="since" dateTime={new Date(at).toISOString()} title={new Date(at).toString()}>
      {exact ? "for " : "for over "}
      {age(now.value - at)}
    </time>
  );
}

/** The same for one check by itself: `known` is false where the agent keeps no history, which is not asked then. */
export function OwnSince({ check, known }: { readonly check: Check; readonly known: boolean }) {
  const path = `history/check/${encodeURIComponent(check.Node)}/${encodeURIComponent(check.CheckID)}?limit=1`;
  const history = useLive<History>(known ? inDatacenter(path) : undefined);
  return <Since check={check} history={history} />;
}
