/**
 * What a pool remembers over a restart: lines of text, appended (sheet serf §7). Consul reads and writes the same file
 * (`serf/local.snapshot`), so either program goes on where the other stopped.
 */

/** In the file: the last times seen. */
export interface SerfClocks {
  readonly clock: number;
  readonly eventClock: number;
  readonly queryClock: number;
}

export interface SnapshotContents extends SerfClocks {
  /** Name → `ip:port`. */
  readonly alive: ReadonlyMap<string, string>;
  /** In which we may begin our next life: above all that we ever gave out. 0 if none is known. */
  readonly incarnation: number;
}

/** What a file may hold, in bytes; it is rewritten long before that. */
export const SNAPSHOT_BYTES_MAX = 64 * 1_024 * 1_024;
/** Rewritten above this, or above twice what the members in it should take. */
const COMPACT_BYTES_MIN = 128 * 1_024;
const MEMBER_BYTES = 128;
const COMPACT_FACTOR = 2;
const LAMPORT_TIME_MAX = 2 ** 52;
/** Higher ones come from who forged an accusation, not from lives of ours; to keep those would leave no room to refute. */
export const INCARNATION_KEPT_MAX = 2 ** 31;

/** What one line says; undefined for a line that is not known. */
export type SnapshotLine =
  | { readonly type: "alive"; readonly name: string; readonly address: string }
  | { readonly type: "not-alive"; readonly name: string }
  | { readonly type: "clock" | "event-clock" | "query-clock"; readonly time: number }
  /** Tribune's own, written as a comment, which Serf passes over in silence. */
  | { readonly type: "incarnation"; readonly incarnation: number }
  | { readonly type: "leave" };

export function formatSnapshotLine(line: SnapshotLine): string {
  switch (line.type) {
    case "alive":
      return `alive: ${oneLine(line.name)} ${line.address}\n`;
    case "not-alive":
      return `not-alive: ${oneLine(line.name)}\n`;
    case "leave":
      return "leave\n";
    case "incarnation":
      return `#incarnation: ${line.incarnation}\n`;
    default:
      return `${line.type}: ${line.time}\n`;
  }
}

/** A name comes from outside, and must not become two lines. */
function oneLine(name: string): string {
  return name.replaceAll("\n", " ");
}

function parseLine(line: string): SnapshotLine | undefined {
  if (line === "leave") return { type: "leave" };
  const [, type, rest] = /^(alive|not-alive|clock|event-clock|query-clock|#incarnation): (.*)$/.exec(line) ?? [];
  if (type === undefined || rest === undefined) return undefined;
  if (type === "alive") {
    const at = rest.lastIndexOf(" "); // names may contain spaces
    return at < 0 ? undefined : { type, name: rest.slice(0, at), address: rest.slice(at + 1) };
  }
  if (type === "not-alive") return { type, name: rest };
  const time = /^\d{1,19}$/.test(rest) ? Number(rest) : Number.POSITIVE_INFINITY;
  if (type === "#incarnation")
    return time <= INCARNATION_KEPT_MAX ? { type: "incarnation", incarnation: time } : undefined;
  return time <= LAMPORT_TIME_MAX ? { type: type as "clock", time } : undefined;
}

/**
 * Replays a file. A last line without its end was torn and does not count; what is not understood is passed over.
 * @param rejoinAfterLeave false forgets at a `leave` who was there, and what was heard. Not how far we were ourselves: where
 *   our leave is known, only a later join and a higher incarnation bring us back.
 * @returns also the lines that were passed over, for the log.
 */
export function readSnapshot(
  text: string,
  rejoinAfterLeave: boolean,
): { readonly contents: SnapshotContents; readonly unknown: readonly string[] } {
  const alive = new Map<string, string>();
  const times = { clock: 0, "event-clock": 0, "query-clock": 0 };
  let incarnation = 0;
  const unknown: string[] = [];
  for (const raw of text.split("\n").slice(0, -1)) {
    const line = parseLine(raw);
    if (line === undefined) {
      if (!raw.startsWith("coordinate: ") && !raw.startsWith("#")) unknown.push(raw);
    } else if (line.type === "alive") alive.set(line.name, line.address);
    else if (line.type === "not-alive") alive.delete(line.name);
    else if (line.type === "incarnation") incarnation = line.incarnation;
    else if (line.type !== "leave") times[line.type] = line.time;
    else if (!rejoinAfterLeave) {
      alive.clear();
      times["event-clock"] = times["query-clock"] = 0;
    }
  }
  const contents = {
    alive,
    clock: times.clock,
    eventClock: times["event-clock"],
    queryClock: times["query-clock"],
    incarnation,
  };
  return { contents, unknown };
}

/** A whole file that says what `contents` are. */
export function formatSnapshot({ alive, clock, eventClock, queryClock, incarnation }: SnapshotContents): string {
  const lines: SnapshotLine[] = [
    ...Array.from(alive, ([name, address]) => ({ type: "alive", name, address }) as const),
    { type: "clock", time: clock },
    { type: "event-clock", time: eventClock },
    { type: "query-clock", time: queryClock },
    { type: "incarnation", incarnation },
  ];
  return lines.map(formatSnapshotLine).join("");
}

/** Size above which a file is rewritten. */
export function compactAboveBytes(aliveMembers: number): number {
  return Math.max(COMPACT_BYTES_MIN, aliveMembers * MEMBER_BYTES * COMPACT_FACTOR);
}
