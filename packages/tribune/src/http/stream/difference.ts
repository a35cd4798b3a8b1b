import type { JsonParts } from "./json-parts.ts";

/**
 * What turns one JSON list or object into another, as the members of an event: `"Splices":[…]` or `"Set":{…},"Unset":[…]`.
 * A list's splices go from its end to its beginning, so that positions are those of the old list.
 *
 * @returns undefined where there is no such way (one of them is neither, or they are not of the same kind), and where
 *   it would take more than `charsMax` to say.
 */
export function difference(before: JsonParts, after: JsonParts, charsMax: number): string | undefined {
  if (before.kind === "list" && after.kind === "list") return listDifference(before.rows, after.rows, charsMax);
  if (before.kind === "map" && after.kind === "map") return mapDifference(before.values, after.values, charsMax);
  return undefined;
}

function mapDifference(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  charsMax: number,
): string | undefined {
  const set: string[] = [];
  let chars = 0;
  for (const [name, value] of after) {
    if (before.get(name) === value) continue;
    set.push(`${name}:${value}`);
    chars += name.length + value.length + 2;
    if (chars > charsMax) return undefined;
  }
  const unset: string[] = [];
  for (const name of before.keys()) if (!after.has(name)) unset.push(name);
  return `"Set":{${set.join(",")}},"Unset":[${unset.join(",")}]`;
}

/** How far ahead a row that seems to be gone is looked for. */
const LOOK_AHEAD = 64;
/** Of a splice without its rows. */
const SPLICE_CHARS = 30;

/** Two lists, of which the rows from here on are yet to be compared. */
interface Ahead {
  readonly before: readonly string[];
  readonly after: readonly string[];
  old: number;
  fresh: number;
  readonly oldEnd: number;
  readonly freshEnd: number;
}

function listDifference(before: readonly string[], after: readonly string[], charsMax: number): string | undefined {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let oldEnd = before.length;
  let freshEnd = after.length;
  while (oldEnd > start && freshEnd > start && before[oldEnd - 1] === after[freshEnd - 1]) {
    oldEnd--;
    freshEnd--;
  }
  const ahead: Ahead = { before, after, old: start, fresh: start, oldEnd, freshEnd };
  const splices: string[] = [];
  let chars = 0;
  while (ahead.old < oldEnd || ahead.fresh < freshEnd) {
    if (ahead.old < oldEnd && ahead.fresh < freshEnd && before[ahead.old] === after[ahead.fresh]) {
      ahead.old++;
      ahead.fresh++;
      continue;
    }
    const [removed, added] = nextMatch(ahead);
    const rows = after.slice(ahead.fresh, ahead.fresh + added);
    chars += SPLICE_CHARS;
    for (const row of rows) chars += row.length;
    if (chars > charsMax) return undefined;
    splices.push(`{"At":${ahead.old},"Remove":${removed},"Add":[${rows.join(",")}]}`);
    ahead.old += removed;
    ahead.fresh += added;
  }
  return `"Splices":[${splices.reverse().join(",")}]`;
}

/** How many rows of each list stand before the next one that they have in common. Misses some: then more is said than needed. */
function nextMatch({ before, after, old, fresh, oldEnd, freshEnd }: Ahead): readonly [removed: number, added: number] {
  const bothGoOn = old + 1 < oldEnd && fresh + 1 < freshEnd;
  if (bothGoOn && before[old + 1] === after[fresh + 1]) return [1, 1]; // one that changed: by far the most
  const distances = new Map<string, number>();
  for (let distance = Math.min(LOOK_AHEAD, oldEnd - old) - 1; distance >= 0; distance--)
    distances.set(before[old + distance]!, distance);
  let best: readonly [number, number] | undefined;
  for (let added = 0; added < LOOK_AHEAD && fresh + added < freshEnd; added++) {
    if (best !== undefined && added >= best[0] + best[1]) break;
    const removed = distances.get(after[fresh + added]!);
    if (removed === undefined) continue;
    if (best === undefined || removed + added < best[0] + best[1]) best = [removed, added];
  }
  return best ?? [oldEnd - old, freshEnd - fresh];
}
