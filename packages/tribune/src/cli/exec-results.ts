import type { ConsulClient } from "@tribune/client/node";

/** What a node says while it runs a job. */
export type JobEvent =
  | { readonly kind: "acknowledged" | "heartbeat"; readonly node: string }
  | { readonly kind: "output"; readonly node: string; readonly text: string }
  | { readonly kind: "exited"; readonly node: string; readonly code: number }
  /** Something to tell the user that concerns no node. */
  | { readonly kind: "complaint"; readonly text: string }
  /** Results can no longer be read. */
  | { readonly kind: "broken"; readonly text: string };

/** Key of a job's result, without the job's prefix. */
export type ResultKey =
  | { readonly kind: "ack" | "exit" | "out"; readonly node: string }
  | { readonly kind: "job" }
  | { readonly kind: "unknown" };

export function readResultKey(key: string): ResultKey {
  if (key === "job") return { kind: "job" };
  if (key.endsWith("/ack")) return { kind: "ack", node: key.slice(0, -"/ack".length) };
  if (key.endsWith("/exit")) return { kind: "exit", node: key.slice(0, -"/exit".length) };
  const at = key.lastIndexOf("/out/");
  return at < 0 ? { kind: "unknown" } : { kind: "out", node: key.slice(0, at) };
}

/** Follows the keys below `directory` (it ends with a slash) and gives each to `tell` once, until `signal` stops it. */
export async function followResults(
  client: ConsulClient,
  directory: string,
  waitMs: number,
  tell: (event: JobEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const seen = new Set<string>();
  let index = 0n;
  while (!signal.aborted) {
    try {
      const answer = await client.kv.watchKeys(directory, { index, waitMs, signal });
      if (answer.index === index) continue;
      index = answer.index;
      const fresh = answer.keys.filter((key) => !seen.has(key));
      for (const key of outputFirst(fresh, directory)) {
        seen.add(key);
        await readResult(client, key, directory, tell);
      }
    } catch (error) {
      if (signal.aborted) return;
      tell({ kind: "broken", text: `Failed to read results: ${(error as Error).message}` });
      return;
    }
  }
}

/** Of one listing, output before exit codes: keys are sorted by name, and "exit" comes before "out". */
function outputFirst(keys: readonly string[], directory: string): readonly string[] {
  const last = (key: string): number => Number(readResultKey(key.slice(directory.length)).kind === "exit");
  return [...keys].sort((a, b) => last(a) - last(b));
}

async function readResult(
  client: ConsulClient,
  key: string,
  directory: string,
  tell: (event: JobEvent) => void,
): Promise<void> {
  const result = readResultKey(key.slice(directory.length));
  if (result.kind === "job") return;
  if (result.kind === "unknown") {
    tell({ kind: "complaint", text: `Unknown key '${key.slice(directory.length)}', ignoring.` });
    return;
  }
  const { node } = result;
  if (result.kind === "ack") {
    tell({ kind: "acknowledged", node });
    return;
  }
  const value = await readValue(client, key);
  if (!Buffer.isBuffer(value)) {
    tell({ kind: "complaint", text: `Failed to read key '${key}': ${value}` });
  } else if (result.kind === "out") {
    tell(value.length === 0 ? { kind: "heartbeat", node } : { kind: "output", node, text: value.toString() });
  } else if (/^-?\d+$/.test(value.toString())) {
    tell({ kind: "exited", node, code: Number(value.toString()) });
  } else {
    const why = `strconv.ParseInt: parsing ${JSON.stringify(value.toString())}: invalid syntax`;
    tell({ kind: "complaint", text: `Failed to parse exit code '${value}': ${why}` });
  }
}

/** The value, or why there is none. */
async function readValue(client: ConsulClient, key: string): Promise<Buffer | string> {
  try {
    return (await client.kv.read(key))?.Value ?? "<nil>";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Events between one who tells and one who waits. */
export class EventQueue<T> {
  readonly #events: T[] = [];
  #wake: (() => void) | undefined;

  push(event: T): void {
    this.#events.push(event);
    this.#wake?.();
  }

  take(): T | undefined {
    return this.#events.shift();
  }

  /** Resolves when there is an event to take. */
  ready(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#events.length > 0) resolve();
    });
  }
}
