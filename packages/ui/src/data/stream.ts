import { applyChange, type Change } from "../lib/change.ts";
import { parseJson } from "../lib/json-numbers.ts";
import { EventReader, type ServerEvent } from "../lib/sse.ts";
import type { Watcher } from "./live.ts";
import { agentAnswered } from "./presence.ts";
import { Away, Refused, send } from "./send.ts";

/** All that a page watches comes over one connection, `GET /v1/stream?watch=…&watch=…`. */

const heartbeat = "5s";
/** Silence for two heartbeats and some: whoever is at the other end is gone. */
const silenceMsMax = 12_000;
const watchesMax = 32;

interface Entry {
  readonly path: string;
  readonly watcher: Watcher;
  value: unknown;
  /** Where the agent's stream stands for this watch; empty before its first event. */
  position: string;
}

let unsupported = false;
const entries = new Set<Entry>();
/** Called for each watch that must be watched in another way, once the agent turns out to have no streams. */
const fallbacks = new Map<Entry, () => void>();
let connection: AbortController | undefined;
let scheduled = false;

export function watchByStream(path: string, watcher: Watcher, stop: AbortSignal, fallback: () => void): void {
  if (unsupported || entries.size >= watchesMax) return fallback();
  const entry: Entry = { path, watcher, value: undefined, position: "" };
  entries.add(entry);
  fallbacks.set(entry, fallback);
  stop.addEventListener("abort", () => drop(entry), { once: true });
  watcher.way("stream");
  schedule();
}

function drop(entry: Entry): void {
  if (!entries.delete(entry)) return;
  fallbacks.delete(entry);
  // Fewer watches need no new connection: the others go on, and what comes for this one is passed over.
  if (entries.size === 0) connection?.abort();
}

/** Watches that start in the same moment, those of a page, share one new connection. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => {
    scheduled = false;
    void connect();
  }, 0);
}

async function connect(): Promise<void> {
  connection?.abort();
  const abort = new AbortController();
  connection = abort;
  const order = [...entries];
  if (order.length === 0) return;
  const watches = order.map(({ path }) => `watch=${encodeURIComponent(`/v1/${path}`)}`).join("&");
  const after = order.map(({ position }) => position).join(",");
  const resume = order.some(({ position }) => position !== "") ? `&after=${encodeURIComponent(after)}` : "";
  try {
    const path = `stream?${watches}&heartbeat=${heartbeat}${resume}`;
    const response = await send(path, { signal: abort.signal, headers: { Accept: "text/event-stream" } });
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) throw new Refused(404, "No stream");
    await read(response, order, abort);
    throw new Away("The agent ended the stream");
  } catch (error) {
    if (abort !== connection || (abort.signal.aborted && abort.signal.reason !== silent)) return;
    if (error instanceof Refused && [400, 404, 405, 429, 503].includes(error.status)) return refusedAll(error);
    fail(abort.signal.aborted ? new Away("The agent has fallen silent") : error);
  }
}

const silent = Symbol("silent");

async function read(response: Response, order: readonly Entry[], abort: AbortController): Promise<void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const events = new EventReader();
  let timer = setTimeout(() => abort.abort(silent), silenceMsMax);
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error: unknown) => {
        if (abort.signal.aborted) throw error;
        throw new Away("The stream broke off", { cause: error });
      });
      if (done || abort.signal.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(silent), silenceMsMax);
      agentAnswered();
      for (const event of events.feed(value)) take(event, order);
    }
  } finally {
    clearTimeout(timer);
  }
}

interface Data extends Change {
  readonly Watch: number;
  readonly Status?: number;
  readonly Value?: unknown;
  readonly Error?: string;
}

function take({ event, data, id }: ServerEvent, order: readonly Entry[]): void {
  const told = parseJson(data) as Data;
  const positions = id.split(",");
  const entry = order[told.Watch];
  for (const [i, each] of order.entries()) each.position = positions[i] ?? "";
  if (entry === undefined || !entries.has(entry)) return;
  const { watcher } = entry;
  switch (event) {
    case "snapshot":
      entry.value = told.Value;
      if (told.Status === 404) watcher.missing();
      else watcher.answer(told.Value);
      break;
    case "change":
      entry.value = applyChange(entry.value, told);
      watcher.answer(entry.value);
      break;
    case "current":
      watcher.answer(undefined);
      break;
    case "failed":
      watcher.trouble(new Refused(told.Status ?? 500, told.Error ?? ""));
      break;
    case "refused":
      entries.delete(entry);
      fallbacks.delete(entry);
      watcher.failed(new Refused(told.Status ?? 400, told.Error ?? ""));
      break;
    default: // an event of a newer agent
  }
}

function fail(error: unknown): void {
  const lost = [...entries];
  entries.clear();
  fallbacks.clear();
  for (const { watcher } of lost) watcher.failed(error);
}

/**
 * The agent opens no stream for these. One that it cannot watch is named in its answer, and asked for in another way;
 * 404: it has no streams at all. Else it will have no more of them now: blocking queries take over.
 */
function refusedAll({ status, message }: Refused): void {
  const named = status === 400 ? [...entries].filter(({ path }) => message.includes(`/v1/${path.split("?")[0]}`)) : [];
  if (status === 404 || status === 405) unsupported = true;
  const leaving = named.length > 0 ? named : [...entries];
  const ways = leaving.map((entry) => fallbacks.get(entry));
  for (const entry of leaving) drop(entry);
  for (const way of ways) way?.();
  if (entries.size > 0) schedule();
}
