import type { Health } from "./health.ts";

/** Transitions of one thing, as `/v1/history` tells them (newest first), folded into stretches of time. */

export interface Turn {
  readonly Time: string;
  readonly From: string;
  readonly To: string;
}

export interface Stretch {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  readonly health: Health | "gone" | "unknown";
}

export function healthOfStatus(status: string): Stretch["health"] {
  if (status === "") return "gone";
  if (status === "passing" || status === "warning" || status === "critical") return status;
  return "none";
}

/**
 * The stretches between `startMs` and `endMs`, oldest first and without gaps. Before the first transition that is known
 * the state is what that one came from; with none at all it is unknown. Transitions without a time are passed over.
 */
export function stretches(turns: readonly Turn[], startMs: number, endMs: number): Stretch[] {
  const dated = turns
    .map((turn) => ({ ...turn, at: Date.parse(turn.Time) }))
    .filter(({ at }) => !Number.isNaN(at) && at <= endMs)
    .reverse();
  if (dated.length === 0) return [{ from: startMs, to: endMs, health: "unknown" }];
  const found: Stretch[] = [];
  let from = startMs;
  let health = healthOfStatus(dated[0]!.From);
  for (const { at, To } of dated) {
    if (at > from) {
      found.push({ from, to: at, health });
      from = at;
    }
    health = healthOfStatus(To);
  }
  if (from < endMs) found.push({ from, to: endMs, health });
  return merge(found);
}

function merge(stretches: readonly Stretch[]): Stretch[] {
  const merged: Stretch[] = [];
  for (const each of stretches) {
    const last = merged.at(-1);
    if (last?.health === each.health) merged[merged.length - 1] = { ...last, to: each.to };
    else merged.push(each);
  }
  return merged;
}

interface Turned extends Turn {
  readonly Kind: string;
  readonly Node: string;
  readonly CheckID: string;
}

/**
 * When a check came to say what it says, in milliseconds since 1970. Not exact where it has not changed for as long as
 * the history reaches back; undefined where no time is known.
 */
export function lastTurn(
  history: { readonly Since: { readonly Time: string }; readonly Transitions: readonly Turned[] | null },
  check: { readonly Node: string; readonly CheckID: string },
): { readonly at: number | undefined; readonly exact: boolean } {
  const turn = (history.Transitions ?? []).find(
    ({ Kind, Node, CheckID, From, To }) =>
      Kind === "check" && Node === check.Node && CheckID === check.CheckID && From !== To,
  );
  const at = Date.parse(turn?.Time ?? history.Since.Time);
  return { at: Number.isNaN(at) ? undefined : at, exact: turn !== undefined };
}

const worstToLeast: readonly Stretch["health"][] = ["critical", "warning", "passing", "none", "gone"];

/** Things by how they are now, the worst first and what is gone last; each has its turns, newest first. */
export function worstFirst<T extends Turn>(groups: Iterable<readonly [name: string, turns: readonly T[]]>) {
  const rank = (turns: readonly T[]): number => worstToLeast.indexOf(healthOfStatus(turns[0]!.To));
  return [...groups].sort(([, a], [, b]) => rank(a) - rank(b));
}

/** Groups by something, in the order of first appearance. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}
